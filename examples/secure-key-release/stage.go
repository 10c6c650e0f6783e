package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	programs = "github.com/azattest/azattest/cmd/azattest"
	enclave  = "github.com/azattest/azattest/examples/secure-key-release/enclave"
	// patience is how long a process may take to start, to stop, or to write a line of
	// its log. It takes a second at most where there is something to wait for.
	patience = 30 * time.Second
	glance   = 20 * time.Millisecond
)

// stage is a temporary folder with the programs, and what runs.
type stage struct {
	dir      string
	services []*service
}

// newStage builds the programs.
func newStage(ctx context.Context) (*stage, error) {
	dir, err := os.MkdirTemp("", "secure-key-release-")
	if err != nil {
		return nil, err
	}
	s := &stage{dir: dir}
	build := exec.CommandContext(ctx, "go", "build", "-o", s.file("bin")+string(filepath.Separator), programs, enclave) //nolint:gosec // G204: the packages are those above
	if out, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("go build: %w\n%s", err, out), s.close())
	}
	return s, nil
}

// file is a file of the stage.
func (s *stage) file(name ...string) string {
	return filepath.Join(append([]string{s.dir}, name...)...)
}

// command is a program of the stage that is told to end, and then made to, if ctx ends.
func (s *stage) command(ctx context.Context, program string, arguments ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, s.file("bin", program), arguments...) //nolint:gosec // G204: the programs are those that were built
	cmd.Cancel = func() error {
		if err := cmd.Process.Signal(os.Interrupt); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return cmd.Process.Kill() // where there are no signals
		}
		return nil
	}
	cmd.WaitDelay = patience
	return cmd
}

// close stops everything, the last one first, and removes the folder.
func (s *stage) close() error {
	for _, v := range slices.Backward(s.services) {
		v.stop()
	}
	return os.RemoveAll(s.dir)
}

// service is a process that serves.
type service struct {
	// Endpoint and CAFile are what it says in its ready file.
	Endpoint string `json:"endpoint"`
	CAFile   string `json:"caFile"`

	dir, log string
	stop     func()
}

// attestationService starts one, with a simulated platform of its own.
func (s *stage) attestationService(ctx context.Context, name string) (*service, error) {
	return s.start(ctx, name, "serve", "--dev")
}

// keyReleaseService starts the relying party, which believes one attestation service.
func (s *stage) keyReleaseService(ctx context.Context, authority *service) (*service, error) {
	return s.start(ctx, "vault", "keyrelease", "serve", "--dev", "--authority", authority.Endpoint, "--authority-ca-file", authority.CAFile)
}

func (s *stage) start(ctx context.Context, name string, arguments ...string) (*service, error) {
	v := &service{dir: s.file(name), log: s.file(name + ".log")}
	ready := s.file(name + ".json")
	log, err := os.Create(v.log)
	if err != nil {
		return nil, err
	}
	running, stop := context.WithCancel(ctx)
	cmd := s.command(running, "azattest", append(arguments, "--listen", "127.0.0.1:0", "--data-dir", v.dir, "--ready-file", ready)...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		stop()
		return nil, errors.Join(err, log.Close())
	}
	ended := make(chan struct{})
	go func() {
		_ = cmd.Wait() // what it has to say is in its log
		_ = log.Close()
		close(ended)
	}()
	v.stop = func() {
		stop()
		<-ended
	}
	s.services = append(s.services, v)
	// The file appears whole, once it listens.
	err = await(ctx, ended, func() (bool, error) {
		text, err := os.ReadFile(ready) //nolint:gosec // G304: the name is the stage's
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		return true, json.Unmarshal(text, v)
	})
	if err != nil {
		said, _ := os.ReadFile(v.log) // the error says enough without
		return nil, fmt.Errorf("%s: %w\n%s", name, err, said)
	}
	return v, nil
}

// await asks until the answer is yes.
func await(ctx context.Context, ended <-chan struct{}, ask func() (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if isThere, err := ask(); isThere || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ended:
			return errors.New("the process ended")
		case <-time.After(glance):
		}
	}
}

// answer is what an enclave printed: what it got, or how it was refused.
type answer struct{ said, refused string }

// enclave runs the enclave's program, whose simulated enclave is measured as told.
func (s *stage) enclave(ctx context.Context, attestation, vault *service, policy string, measurement [32]byte, more ...string) (*answer, error) {
	token, err := s.devToken(ctx, vault, "release-user")
	if err != nil {
		return nil, err
	}
	cmd := s.command(ctx, "enclave", append([]string{
		"-attestation", attestation.Endpoint, "-attestation-ca", attestation.CAFile,
		"-vault", vault.Endpoint, "-vault-ca", vault.CAFile, "-key", keyName, "-policy", policy,
		"-platform", filepath.Join(attestation.dir, "simulator"), "-mrenclave", fmt.Sprintf("%x", measurement),
	}, more...)...)
	cmd.Env = append(os.Environ(), "VAULT_TOKEN="+token)
	var said, refused bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &refused
	if err := cmd.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok || ctx.Err() != nil {
			return nil, fmt.Errorf("enclave: %w", err)
		}
	}
	return &answer{said.String(), refused.String()}, nil
}

// devToken is a bearer token for a service with --dev. In real life who asks logs in
// with Entra ID.
func (s *stage) devToken(ctx context.Context, v *service, role string) (string, error) {
	out, err := s.command(ctx, "azattest", "dev-token", "--role", role, "--data-dir", v.dir).Output()
	if err != nil {
		return "", fmt.Errorf("dev-token: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

var (
	requestID = regexp.MustCompile(`\(request ([0-9a-f-]+)\)`)
	logged    = regexp.MustCompile(` cause=("(?:[^"\\]|\\.)*"|\S+)`)
)

// reason finds in a service's log why it refused a request, by the ID that came with
// the refusal.
func (v *service) reason(ctx context.Context, refused string) (string, error) {
	id := requestID.FindStringSubmatch(refused)
	if id == nil {
		return "", fmt.Errorf("no ID of a request in: %s", refused)
	}
	var why string
	// The line is written behind the answer.
	err := await(ctx, nil, func() (bool, error) {
		text, err := os.ReadFile(v.log)
		if err != nil {
			return false, err
		}
		for line := range strings.Lines(string(text)) {
			if cause := logged.FindStringSubmatch(line); cause != nil && strings.Contains(line, "request_id="+id[1]) {
				if why, err = strconv.Unquote(cause[1]); err != nil {
					why = cause[1]
				}
				return true, nil
			}
		}
		return false, nil
	})
	if err != nil {
		return "", fmt.Errorf("the log says nothing of request %s: %w", id[1], err)
	}
	return why, nil
}
