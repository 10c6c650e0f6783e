package audit_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"sync"
	"time"

	"github.com/azattest/azattest/internal/audit"
)

// A change is in the trail before its caller is told of it.
func Example() {
	dir, err := os.MkdirTemp("", "trail")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the example is over
	trail, err := audit.Open(audit.Config{Dir: dir})
	if err != nil {
		log.Print(err)
		return
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = trail.Run(ctx) })

	if err := trail.Append(ctx, audit.Record{
		Time: time.Now(), ResourceID: "/instances/contoso", OperationName: "SetPolicy",
		Category: audit.AuditEvent, ResultType: audit.Succeeded, ResultSignature: "200",
		Identity: audit.Identity{CallerAADUPN: "admin@contoso.example"},
	}); err != nil {
		log.Print(err)
	}

	stop()
	running.Wait()
	head := trail.Head()
	if err := trail.Close(); err != nil {
		log.Print(err)
	}
	summary, err := audit.Verify(dir, audit.Expect{Head: head}, func(e audit.Entry) error {
		fmt.Println(e.Sequence, e.Record.OperationName, "by", e.Record.Identity.CallerAADUPN)
		return nil
	})
	fmt.Println(summary.Records, "record, head found:", summary.HeadFound, err)
	// Output:
	// 1 SetPolicy by admin@contoso.example
	// 1 record, head found: true <nil>
}
