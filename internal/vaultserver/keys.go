package vaultserver

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"github.com/azattest/azattest/internal/vault"
)

// manage carries out everything but a release, and answers.
func (s *Server) manage(w http.ResponseWriter, r *http.Request, n *note) {
	answer, err := s.carryOut(r, n)
	if err == nil && n.operation.isEvent() {
		if recordErr := s.record(r.Context(), n, http.StatusOK); recordErr != nil {
			err = unavailable("The change was made, and could not be recorded. Look before you try again.", recordErr)
		}
	}
	if err != nil {
		s.refuse(w, r, translate(n.name, err))
		return
	}
	text, err := json.Marshal(answer)
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	// Whoever has gone does not hear of it.
	_, _ = w.Write(append(text, '\n'))
}

func (s *Server) carryOut(r *http.Request, n *note) (any, error) {
	ctx, v := r.Context(), s.config.Vault
	if n.operation.isEvent() {
		// A change that has begun is finished, and recorded, whoever has gone.
		var cancel context.CancelFunc
		deadline, _ := ctx.Deadline() // which the server has set
		ctx, cancel = context.WithDeadline(context.WithoutCancel(ctx), deadline)
		defer cancel()
	}
	switch n.operation {
	case KeyGet:
		return s.bundle(n)(v.Get(ctx, n.name, n.version))
	case KeyRotate:
		return s.bundle(n)(s.inTurn(ctx, func() (*vault.Version, error) { return v.Rotate(ctx, n.name) }))
	case KeyDelete:
		return s.bundle(n)(v.Delete(ctx, n.name))
	case KeyList, KeyListVersions:
		return s.list(r, n)
	case KeyCreate, KeyImport, KeyUpdate:
		// They have a body.
	case KeyRelease:
		return nil, errors.New("a release is not managed")
	}
	raw, err := readBody(r)
	if err != nil {
		return nil, err
	}
	defer clear(raw)
	b, err := parseBody(raw)
	if err != nil {
		return nil, err
	}
	defer clear(b.Key)
	if n.operation == KeyCreate {
		return s.create(ctx, n, b)
	}
	if n.operation == KeyImport {
		return s.importKey(ctx, n, b)
	}
	u, err := b.update()
	if err != nil {
		return nil, err
	}
	return s.bundle(n)(v.Update(ctx, n.name, n.version, u))
}

func (s *Server) create(ctx context.Context, n *note, b *keyBody) (any, error) {
	settings, err := b.settings()
	if err != nil {
		return nil, err
	}
	template := vault.Template{Settings: settings, Type: b.Type, Size: b.Size, Curve: b.Curve}
	return s.bundle(n)(s.inTurn(ctx, func() (*vault.Version, error) { return s.config.Vault.Create(ctx, n.name, template) }))
}

// inTurn makes a key, as many at once as there are processors.
func (s *Server) inTurn(ctx context.Context, makeKey func() (*vault.Version, error)) (*vault.Version, error) {
	leave, err := s.making.Wait(ctx)
	if err != nil {
		return nil, err
	}
	defer leave()
	return makeKey()
}

func (s *Server) importKey(ctx context.Context, n *note, b *keyBody) (any, error) {
	kind, operations, material, err := b.imported()
	defer clear(material)
	if err != nil {
		return nil, err
	}
	if b.Operations == nil {
		b.Operations = operations
	}
	settings, err := b.settings()
	if err != nil {
		return nil, err
	}
	return s.bundle(n)(s.config.Vault.Import(ctx, n.name, vault.Import{Settings: settings, Type: kind, Material: material}))
}

// list answers a page of keys, or of the versions of one.
func (s *Server) list(r *http.Request, n *note) (any, error) {
	query := r.URL.Query()
	most := 0
	if text := query.Get("maxresults"); text != "" {
		var err error
		if most, err = strconv.Atoi(text); err != nil || most < 1 || most > maxResults {
			return nil, badParameter("The query parameter maxresults: want 1 to 25.")
		}
	}
	page := keyList{Value: []keyItem{}}
	var found []*vault.Version
	var next string
	var err error
	if n.operation == KeyList {
		found, next, err = s.config.Vault.List(r.Context(), query.Get("$skiptoken"), most)
	} else {
		found, next, err = s.config.Vault.Versions(r.Context(), n.name, query.Get("$skiptoken"), most)
	}
	if err != nil {
		return nil, err
	}
	for _, v := range found {
		item := keyItem{KeyID: s.keyID(v.Key.Name, ""), Attributes: v.Key.Attributes, Tags: v.Tags}
		if n.operation == KeyListVersions {
			item.KeyID = s.keyID(v.Key.Name, v.Key.Version)
		}
		page.Value = append(page.Value, item)
	}
	if next != "" {
		path := s.keyID("", "")
		path = path[:len(path)-1]
		if n.operation == KeyListVersions {
			path = s.keyID(n.name, "versions")
		}
		more := url.Values{"api-version": {n.apiVersion}, "$skiptoken": {next}}
		if most != 0 {
			more.Set("maxresults", strconv.Itoa(most))
		}
		link := path + "?" + more.Encode()
		page.Next = &link
	}
	return page, nil
}

// bundle makes an answer of what the vault found.
func (s *Server) bundle(n *note) func(*vault.Version, error) (any, error) {
	return func(v *vault.Version, err error) (any, error) {
		if err != nil {
			return nil, err
		}
		n.name, n.version = v.Key.Name, v.Key.Version
		n.keyID = s.keyID(v.Key.Name, v.Key.Version)
		if v.Key.Policy != nil {
			n.policyHash = hashOf(v.Key.Policy.Text())
		}
		return s.bundleOf(v)
	}
}
