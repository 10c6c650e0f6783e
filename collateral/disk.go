package collateral

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"github.com/azattest/azattest/evidence/dcap"
)

// diskFolder is the archive, below Dir, of what was asked for with this number.
func (c *Cache) diskFolder(k key) string {
	if k.number == 0 {
		return filepath.Join(c.config.Dir, "current")
	}
	return filepath.Join(c.config.Dir, fmt.Sprintf("e%d", k.number))
}

// load returns the collateral on disk that is valid now, and when it was fetched.
// It is of use after a start only: later, memory knows better.
func (c *Cache) load(k key) (*Set, time.Time) {
	if c.config.Dir == "" || !k.at.IsZero() {
		return nil, time.Time{}
	}
	now := c.config.Clock()
	c.mu.Lock()
	known := c.entries[k] != nil
	c.mu.Unlock()
	if known {
		return nil, time.Time{}
	}
	q := Query{Platform: k.platform, TCBEvaluationDataNumber: k.number, At: now}
	best := choose(c.readDisk(k), q)
	if best == nil || !best.ValidAt(now) {
		return nil, time.Time{}
	}
	info, err := os.Stat(filepath.Join(c.diskFolder(k), platformFolder(k.platform), filepath.FromSlash(best.Dir), tcbInfoFile))
	if err != nil {
		return nil, time.Time{}
	}
	return best, info.ModTime()
}

// resume takes a set from disk into memory, to be asked for again when it would
// have been without a restart.
func (c *Cache) resume(k key, s *Set, fetchedAt time.Time) *dcap.Collateral {
	c.mu.Lock()
	defer c.mu.Unlock()
	refreshAt := fetchedAt.Add(c.refreshAfter(s.ValidUntil.Sub(fetchedAt)))
	c.keep(k, &entry{
		collateral: s.Collateral, until: s.ValidUntil, refreshAt: refreshAt, used: true,
		number: s.TCBEvaluationDataNumber, issued: s.Issued,
	})
	c.wake()
	return s.Collateral
}

// readDisk reads the sets of a key. Corrupt ones are logged and passed over.
func (c *Cache) readDisk(k key) []Set {
	folder := filepath.Join(c.diskFolder(k), platformFolder(k.platform))
	root, err := os.OpenRoot(folder)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			c.warn("cannot be read", folder, err)
		}
		return nil
	}
	defer func() { _ = root.Close() }()
	reader := archiveReader{root: root, folders: maxArchiveFolders, bytes: maxArchiveBytes}
	if err := reader.read(".", maxArchiveDepth-1); err != nil {
		c.warn("cannot be read", folder, err)
		return nil
	}
	whole := reader.sets[:0]
	for _, s := range reader.sets {
		if len(s.Problems) > 0 {
			c.warn("corrupt and ignored", path.Join(folder, s.Dir), joined(s.Problems...))
			continue
		}
		whole = append(whole, s)
	}
	return whole
}

// save writes a set to disk and then removes the sets before it. A failure is
// logged: what was fetched is good all the same.
func (c *Cache) save(k key, s *Set) {
	// A source may answer with another platform (an archive of one set does);
	// that is for the verifier to refuse, and not for the disk to keep.
	if c.config.Dir == "" || len(s.Problems) > 0 || s.Platform != k.platform {
		return
	}
	written, err := WriteSet(c.diskFolder(k), s.Collateral)
	if err != nil {
		c.warn("not written", c.diskFolder(k), err)
		return
	}
	// The time of the file says when it was fetched, also where the bytes are
	// those that were there.
	now := c.config.Clock()
	if err := os.Chtimes(filepath.Join(written, tcbInfoFile), now, now); err != nil {
		c.warn("keeps its age", written, err)
	}
	parent := filepath.Dir(written)
	entries, err := os.ReadDir(parent)
	if err != nil {
		c.warn("cannot be read", parent, err)
		return
	}
	for _, e := range entries {
		old := filepath.Join(parent, e.Name())
		// A folder that begins with a dot is about to become a set of somebody
		// who shares the folder.
		if old == written || !e.IsDir() || strings.HasPrefix(e.Name(), ".") {
			continue
		}
		if err := os.RemoveAll(old); err != nil {
			c.warn("not removed", old, err)
		}
	}
}

func (c *Cache) warn(problem, folder string, err error) {
	c.config.Logger.LogAttrs(c.ctx, slog.LevelWarn, "collateral on disk",
		slog.String("problem", problem), slog.String("folder", folder), slog.Any("error", err))
}
