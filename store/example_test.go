package store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/azattest/azattest/store"
	"github.com/azattest/azattest/store/memory"
)

// Two people change the same record; the second one is told, and reads again.
func Example() {
	ctx := context.Background()
	s := memory.New()
	defer func() { _ = s.Close() }()

	revision, err := s.Commit(ctx, store.Put("instances/contoso", []byte("AAD"), 0))
	fmt.Println("made at revision", revision, err)

	first, _ := s.Get(ctx, "instances/contoso")
	second, _ := s.Get(ctx, "instances/contoso")
	revision, err = s.Commit(ctx, store.Put(first.Key, []byte("Isolated"), first.Revision))
	fmt.Println("changed at revision", revision, err)

	_, err = s.Commit(ctx, store.Delete(second.Key, second.Revision))
	var conflict *store.ConflictError
	fmt.Println("conflict:", errors.As(err, &conflict))

	// Output:
	// made at revision 1 <nil>
	// changed at revision 2 <nil>
	// conflict: true
}

// A replica follows what others commit.
func ExampleStore_wait() {
	ctx := context.Background()
	s := memory.New()
	defer func() { _ = s.Close() }()
	if _, err := s.Commit(ctx, store.Put("a", []byte("1"), 0), store.Put("b", []byte("2"), 0)); err != nil {
		fmt.Println(err)
	}
	if _, err := s.Commit(ctx, store.Delete("a", store.Any)); err != nil {
		fmt.Println(err)
	}

	var known int64
	if _, err := s.Wait(ctx, known); err != nil {
		fmt.Println(err)
	}
	known, err := s.Changes(ctx, known, func(r store.Record) error {
		fmt.Printf("%s is %q, deleted: %t\n", r.Key, r.Value, r.Value == nil)
		return nil
	})
	fmt.Println("known up to", known, err)

	// Output:
	// b is "2", deleted: false
	// a is "", deleted: true
	// known up to 2 <nil>
}

func ExampleBackup() {
	ctx := context.Background()
	from, to := memory.New(), memory.New()
	if _, err := from.Commit(ctx, store.Put("instances/contoso", []byte("AAD"), 0)); err != nil {
		fmt.Println(err)
	}
	var file bytes.Buffer
	if _, err := store.Backup(ctx, from, &file); err != nil {
		fmt.Println(err)
	}
	fmt.Print(file.String())
	restored, err := store.Restore(ctx, to, bytes.NewReader(file.Bytes()))
	fmt.Println(restored.Records, err)

	// Output:
	// {"format":"azattest-backup","version":1}
	// {"key":"instances/contoso","value":"QUFE"}
	// {"records":1,"bytes":3,"revision":1,"sha256":"ccacb92fcb805f37b119f5e882e789b9fa0507fc5fe323dc450769baa394a1df"}
	// 1 <nil>
}
