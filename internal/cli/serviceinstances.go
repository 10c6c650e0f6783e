package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"

	"github.com/azattest/azattest/attest"
	"github.com/azattest/azattest/evidence"
	"github.com/azattest/azattest/internal/config"
	"github.com/azattest/azattest/internal/instance"
	"github.com/azattest/azattest/token"
)

// byConfiguration is who made an instance that the configuration names.
const byConfiguration = "configuration"

// ensureInstances makes those that the configuration names and the store does not
// have, and changes those whose settings differ. It deletes none: the store has
// others, too.
func ensureInstances(ctx context.Context, d *instance.Directory, c *config.Config, now time.Time) error {
	for _, i := range c.Instances {
		want, err := settingsOf(i)
		if err != nil {
			return err
		}
		found, err := d.Settings(ctx, i.Name)
		switch {
		case errors.Is(err, instance.ErrNoInstance):
			certificates, err := policyCertificates(i.PolicyCertificateFiles, now)
			if err != nil {
				return fmt.Errorf("instance %s: %w", i.Name, err)
			}
			err = d.Create(ctx, want, certificates, byConfiguration)
			if _, isTaken := errors.AsType[*instance.TakenError](err); isTaken {
				// Another replica may have been first, with the same file.
				if err := updateInstance(ctx, d, want); err != nil {
					return err
				}
				continue
			}
			if err != nil {
				return err
			}
		case err != nil:
			return err
		case !reflect.DeepEqual(found, want):
			if err := updateInstance(ctx, d, want); err != nil {
				return err
			}
		}
	}
	return nil
}

func updateInstance(ctx context.Context, d *instance.Directory, want instance.Settings) error {
	err := d.Update(ctx, want)
	if _, ok := errors.AsType[*instance.SettingsError](err); ok {
		return withHint(err, "the store has this instance already: give the new one another name, or delete the old one with azattest instance delete")
	}
	return err
}

// settingsOf translates the configuration's words.
func settingsOf(i config.Instance) (instance.Settings, error) {
	s := instance.Settings{
		Name: i.Name, URL: i.URL, Mode: modeOf(i.Mode), AzureDefaultTCB: i.AzureDefaultTCB,
		Algorithm: token.Algorithm(i.Algorithm), TokenLifetime: i.TokenLifetime,
		AttestationNeedsReader: i.AttestRole == "reader", RefuseReplayedPolicies: i.RefuseReplayedPolicies,
	}
	if len(i.Hosts) > 0 {
		s.Hosts = i.Hosts // none is nil in what the store gives back
	}
	for _, text := range i.Types {
		t, ok := attest.ParseType(text)
		if !ok {
			return instance.Settings{}, fmt.Errorf("instance %s: type %q, want some of %v", i.Name, text, attest.Types())
		}
		s.Types = append(s.Types, t)
	}
	for _, text := range i.AcceptedTCB {
		s.AcceptedTCB = append(s.AcceptedTCB, evidence.TCBStatus(text))
	}
	return s, nil
}

// modeOf reads a mode in any case.
func modeOf(text string) instance.Mode {
	for _, m := range instance.Modes() {
		if strings.EqualFold(text, string(m)) {
			return m
		}
	}
	return instance.Mode(text)
}

// fixedPolicies reads those that the configuration holds in force.
func fixedPolicies(c *config.Config) (map[string]map[attest.Type]string, error) {
	fixed := map[string]map[attest.Type]string{}
	for _, i := range c.Instances {
		for text, name := range i.Policies {
			t, ok := attest.ParseType(text)
			if !ok {
				return nil, fmt.Errorf("instance %s: policy of type %q, want some of %v", i.Name, text, attest.Types())
			}
			policy, err := os.ReadFile(filepath.Clean(name))
			if err != nil {
				return nil, fmt.Errorf("policy of %s: %w", t, err)
			}
			if fixed[i.Name] == nil {
				fixed[i.Name] = map[attest.Type]string{}
			}
			fixed[i.Name][t] = string(policy)
		}
	}
	return fixed, nil
}
