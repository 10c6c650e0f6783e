package postgres_test

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/postgres"
)

func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	const password = "hunter2"
	for name, test := range map[string]struct {
		config postgres.Config
		field  string
	}{
		"no DSN":            {postgres.Config{}, "DSN"},
		"a DSN that is bad": {postgres.Config{DSN: "postgres://u:" + password + "@h:port/d"}, "DSN"},
		"a mode of TLS":     {postgres.Config{DSN: "host=h password=" + password + " sslmode=maybe"}, "DSN"},
		"capitals":          {postgres.Config{DSN: "host=h", Schema: "Azattest"}, "Schema"},
		"a quote":           {postgres.Config{DSN: "host=h", Schema: `a"; DROP TABLE x; --`}, "Schema"},
		"the system's":      {postgres.Config{DSN: "host=h", Schema: "pg_catalog"}, "Schema"},
		"a long name":       {postgres.Config{DSN: "host=h", Schema: strings.Repeat("a", 49)}, "Schema"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := postgres.Open(t.Context(), test.config)
			var config *postgres.ConfigError
			if !errors.As(err, &config) || config.Field != test.field {
				t.Errorf("error %v, want a *ConfigError of %s", err, test.field)
			}
			if err := postgres.Migrate(t.Context(), test.config, 1); !errors.As(err, &config) {
				t.Errorf("migrate: error %v, want a *ConfigError", err)
			}
			if strings.Contains(fmt.Sprint(err), password) {
				t.Error("the error holds the password")
			}
		})
	}
}

func TestWrongPasswordIsNotRepeated(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	u, err := url.Parse(config.DSN)
	if err != nil {
		t.Fatal(err)
	}
	// Over loopback, where the server asks for it.
	u.User, u.Host, u.RawQuery = url.UserPassword("postgres", "hunter2"), server.Addr(t), "sslmode=disable"
	config.DSN = u.String()
	_, err = postgres.Open(t.Context(), config)
	if trouble(err) != store.TroubleUnreachable || strings.Contains(fmt.Sprint(err), "hunter2") {
		t.Errorf("error %v, want that the server does not admit us, without the password", err)
	}
}

func TestOpenRefusesOtherSchemas(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	config.KeepSchema = true
	var schema *store.SchemaError
	if _, err := postgres.Open(t.Context(), config); !errors.As(err, &schema) || schema.Found != 0 {
		t.Errorf("error %v, want a *SchemaError of version 0", err)
	}
	if err := postgres.Migrate(t.Context(), config, 1); err != nil {
		t.Fatal(err)
	}
	s := open(t, config)
	s.Exec(t, "UPDATE %s.schema_version SET version = 99")
	for _, keep := range []bool{false, true} {
		config.KeepSchema = keep
		if _, err := postgres.Open(t.Context(), config); !errors.As(err, &schema) || schema.Found != 99 {
			t.Errorf("error %v, want a *SchemaError of version 99", err)
		}
	}
	if err := postgres.Migrate(t.Context(), config, 0); !errors.As(err, &schema) || schema.Found != 99 {
		t.Errorf("migrate: error %v, want a *SchemaError of version 99", err)
	}
}

func TestMigrateLeadsBackAndForward(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	s := open(t, config)
	put(t, s, "a")
	for _, target := range []int{1, 0, 0} {
		if err := postgres.Migrate(t.Context(), config, target); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Get(t.Context(), "a"); err == nil || errors.Is(err, store.ErrNotFound) {
		t.Errorf("without tables: error %v, want one of the server", err)
	}
	var schema *store.SchemaError
	if err := postgres.Migrate(t.Context(), config, 2); !errors.As(err, &schema) || schema.Found != 2 {
		t.Errorf("error %v, want a *SchemaError of version 2", err)
	}
	if _, err := open(t, config).Get(t.Context(), "a"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("after a migration to nothing and back: error %v, want ErrNotFound", err)
	}
}

func TestManyMigrateAtOnce(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	var opening sync.WaitGroup
	for range 4 {
		opening.Go(func() {
			s, err := postgres.Open(t.Context(), config)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = s.Close() }()
			if _, err := s.Commit(t.Context(), store.Put("a", nil, store.Any)); err != nil {
				t.Error(err)
			}
		})
	}
	opening.Wait()
	if revision, err := open(t, config).Wait(t.Context(), 0); err != nil || revision != 4 {
		t.Errorf("revision %d, %v, want 4", revision, err)
	}
}

func TestOpenRefusesARestoreThatWasCutShort(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	s := open(t, config)
	// What a restore leaves that was killed after its first commit.
	put(t, s, "restore/incomplete")
	var incomplete *store.IncompleteError
	if _, err := postgres.Open(t.Context(), config); !errors.As(err, &incomplete) {
		t.Errorf("error %v, want a *IncompleteError", err)
	}
}

func TestReadOnlyDatabaseIsReadAndNotWritten(t *testing.T) {
	t.Parallel()
	config := newConfig(t)
	s := open(t, config)
	put(t, s, "a")
	s.Exec(t, "CREATE ROLE %s_reader LOGIN")
	s.Exec(t, "GRANT USAGE ON SCHEMA %s TO %s_reader")
	s.Exec(t, "GRANT SELECT ON ALL TABLES IN SCHEMA %s TO %s_reader")
	u, err := url.Parse(config.DSN)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.User(config.Schema + "_reader")
	config.DSN, config.KeepSchema = u.String(), true
	reader := open(t, config)
	if _, err := reader.Get(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if _, err := reader.Commit(t.Context(), store.Put("a", nil, 1)); trouble(err) != store.TroubleReadOnly {
		t.Errorf("error %v, want that it is read-only", err)
	}
}

// A full disk cannot be had here without filling that of the machine; the database
// says of it what this trigger says, in the middle of the transaction.
func TestFullDiskOfTheDatabaseChangesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, newConfig(t))
	before := put(t, s, "a")
	s.Exec(t, `CREATE FUNCTION %s.is_full() RETURNS trigger LANGUAGE plpgsql AS $$
		BEGIN IF NEW.key = 'full' THEN RAISE EXCEPTION 'No space left on device' USING ERRCODE = '53100'; END IF; RETURN NEW; END $$`)
	s.Exec(t, `CREATE TRIGGER is_full BEFORE INSERT OR UPDATE ON %s.records FOR EACH ROW EXECUTE FUNCTION %s.is_full()`)
	_, err := s.Commit(t.Context(), store.Put("a", []byte("changed"), before), store.Put("full", nil, 0))
	if trouble(err) != store.TroubleFull {
		t.Errorf("error %v, want that the disk is full", err)
	}
	r, err := s.Get(t.Context(), "a")
	if err != nil || r.Revision != before || string(r.Value) != "a" {
		t.Errorf("record %+v (%v), want it as it was", r, err)
	}
	if after := put(t, s, "b"); after != before+1 {
		t.Errorf("revision %d after %d", after, before)
	}
}
