package collateral

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/azattest/azattest/evidence/dcap"
)

// Archive is a [Source] of collateral sets in a folder. It is read once, when
// it is opened, and does not change afterwards.
//
// The folder is either one set, or a tree in which any folder that holds a
// set's files is a set, whatever its name. A set consists of tcb_info.json,
// qe_identity.json, tcb_signing_chain.pem (which signed both),
// pck_crl.der, pck_crl_issuer_chain.pem and root_ca_crl.der; where another
// certificate signed the QE identity, its chain is qe_identity_signing_chain.pem.
// Folders whose name begins with a dot are passed over, and so is what a
// symbolic link would reach outside the tree.
type Archive struct {
	dir    string
	sets   []Set
	single bool
}

var _ Source = (*Archive)(nil)

// OpenArchive reads an archive, or a single set. It returns an error if the
// folder holds no set at all, is too deep, too wide or too large, or cannot be
// read. A set that is broken is no error: see [Set.Problems].
func OpenArchive(dir string) (*Archive, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("collateral archive: %w", err)
	}
	defer func() { _ = root.Close() }()
	r := archiveReader{root: root, folders: maxArchiveFolders, bytes: maxArchiveBytes}
	if err := r.read(".", 0); err != nil {
		return nil, fmt.Errorf("collateral archive %s: %w", dir, err)
	}
	if len(r.sets) == 0 {
		return nil, fmt.Errorf("collateral archive %s: no set in it, want a folder with %s and the files that go with it", dir, tcbInfoPart.file)
	}
	a := &Archive{dir: dir, sets: r.sets, single: r.sets[0].Dir == "."}
	slices.SortFunc(a.sets, func(x, y Set) int { return cmp.Compare(x.Dir, y.Dir) })
	return a, nil
}

// Sets describes every set, the broken ones too, by folder.
func (a *Archive) Sets() []Set {
	sets := slices.Clone(a.sets)
	for i := range sets {
		sets[i].Problems = slices.Clone(sets[i].Problems)
	}
	return sets
}

// Collateral returns the set that fits best: of the platform asked for, valid
// at q.At, of the highest TCB evaluation data number, or of the lowest one that
// reaches the number asked for; of several, the one issued last.
//
// If none is valid at q.At it returns the last one from before, which is stale,
// or else the first one from after; the verifier says so precisely. If there is
// none for this platform and number it returns a *[NotFoundError].
//
// An archive of a single set returns that set whatever the query, with missing
// parts left nil, for the verifier to refuse what does not fit.
func (a *Archive) Collateral(ctx context.Context, q Query) (*dcap.Collateral, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if a.single {
		return a.sets[0].Collateral, nil
	}
	if err := q.validate(); err != nil {
		return nil, err
	}
	if q.At.IsZero() {
		return nil, errors.New("collateral query: no time given, and an archive chooses by the time")
	}
	s := choose(a.sets, q)
	if s == nil {
		return nil, &NotFoundError{Query: q, Source: "archive " + a.dir, Reason: a.instead(q)}
	}
	return s.Collateral, nil
}

// instead says what the archive has for a query that found nothing.
func (a *Archive) instead(q Query) string {
	var numbers []int
	var broken []string
	platforms := make(map[dcap.Platform]bool)
	for i := range a.sets {
		s := &a.sets[i]
		switch {
		case !s.located:
			broken = append(broken, fmt.Sprintf("%s (%v)", s.Dir, s.Problems[0]))
		case s.Platform == q.Platform:
			numbers = append(numbers, s.TCBEvaluationDataNumber)
		default:
			platforms[s.Platform] = true
		}
	}
	var said []string
	if len(numbers) > 0 {
		said = append(said, fmt.Sprintf("its highest number for this platform is %d", slices.Max(numbers)))
	} else {
		names := make([]string, 0, len(platforms))
		for p := range platforms {
			names = append(names, p.String())
		}
		slices.Sort(names)
		said = append(said, fmt.Sprintf("it has %d other platforms: %s", len(names), few(names)))
	}
	if len(broken) > 0 {
		said = append(said, fmt.Sprintf("%d sets are broken: %s", len(broken), few(broken)))
	}
	return strings.Join(said, "; ")
}

// few joins the first few.
func few(items []string) string {
	switch {
	case len(items) == 0:
		return "none"
	case len(items) > maxNamed:
		return strings.Join(items[:maxNamed], ", ") + ", …"
	}
	return strings.Join(items, ", ")
}

// archiveReader walks an archive within its bounds.
type archiveReader struct {
	root    *os.Root
	sets    []Set
	folders int   // still to be looked at
	bytes   int64 // still to be kept
}

func (r *archiveReader) read(dir string, depth int) error {
	if depth > maxArchiveDepth {
		return fmt.Errorf("folder %s is more than %d levels deep: open the archive nearer to its sets", dir, maxArchiveDepth)
	}
	if r.folders--; r.folders < 0 {
		return fmt.Errorf("more than %d folders: open the archive nearer to its sets", maxArchiveFolders)
	}
	entries, err := fs.ReadDir(r.root.FS(), dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return isSetFile(e.Name()) }) {
		set, size := readSet(r.root, dir)
		if r.bytes -= size; r.bytes < 0 {
			return fmt.Errorf("more than %d bytes: split the archive", maxArchiveBytes)
		}
		r.sets = append(r.sets, set)
		return nil
	}
	for _, e := range entries {
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := r.read(path.Join(dir, e.Name()), depth+1); err != nil {
			return err
		}
	}
	return nil
}
