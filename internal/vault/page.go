package vault

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/azattest/azattest/store"
)

// errEnough ends the reading of names once a page is full.
var errEnough = errors.New("enough")

// List returns the current versions of the keys whose names come after one, "" for
// all, in the order of their names in lower case: at most max of them, and no more
// than 100; 0 stands for 25. Unless it is empty, next is what to go on after. A record
// that cannot be used is a *[SealError], and there is no page then.
func (v *Vault) List(ctx context.Context, after string, most int) ([]*Version, string, error) {
	names, more, err := v.names(ctx, strings.ToLower(after), pageOf(most))
	if err != nil {
		return nil, "", err
	}
	page := make([]*Version, 0, len(names))
	for _, name := range names {
		one, err := v.Get(ctx, name, "")
		if isNotFound(err) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, "", err
		}
		page = append(page, one)
	}
	if !more {
		return page, "", nil
	}
	return page, names[len(names)-1], nil
}

// names returns a page of names in lower case, and whether there are more.
func (v *Vault) names(ctx context.Context, after string, most int) ([]string, bool, error) {
	var names []string
	_, err := v.store.Each(ctx, keysPrefix, func(r store.Record) error {
		p, ok := parsePlace(r.Key)
		if !ok {
			return &SealError{strings.TrimPrefix(r.Key, keysPrefix), "", "not the name of a key: none of ours wrote it: delete the record"}
		}
		if p.name <= after {
			return nil
		}
		if len(names) == most {
			return errEnough
		}
		names = append(names, p.name)
		return nil
	})
	switch {
	case err == nil, errors.Is(err, errEnough):
		return names, err != nil, nil
	case isSeal(err):
		return nil, false, err
	}
	return nil, false, fmt.Errorf("vault: list the keys: %w", err)
}

// Versions returns the versions of a key that were made after one, "" for all, in the
// order in which they were made: as many as [Vault.List] does. Unless it is empty,
// next is what to go on after.
func (v *Vault) Versions(ctx context.Context, name, after string, most int) ([]*Version, string, error) {
	h, err := v.head(ctx, name)
	if err != nil {
		return nil, "", err
	}
	rest := h.Versions
	if after != "" {
		i := slices.Index(rest, strings.ToLower(after))
		if i < 0 {
			return nil, "", &NotFoundError{name, after}
		}
		rest = rest[i+1:]
	}
	next := ""
	if most = pageOf(most); len(rest) > most {
		rest = rest[:most]
		next = rest[most-1]
	}
	page := make([]*Version, 0, len(rest))
	for _, version := range rest {
		one, err := v.Get(ctx, name, version)
		if isNotFound(err) {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, "", err
		}
		page = append(page, one)
	}
	return page, next, nil
}

func pageOf(most int) int {
	if most <= 0 {
		return defaultPage
	}
	return min(most, maxPage)
}

func isNotFound(err error) bool {
	_, ok := errors.AsType[*NotFoundError](err)
	return ok
}
