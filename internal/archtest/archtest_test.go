package archtest_test

import (
	"os"
	"testing"

	"github.com/azattest/azattest/internal/archtest"
)

// root is the repository's root as a test of this package sees it.
const root = "../.."

func TestRepository(t *testing.T) {
	t.Parallel()
	found, err := archtest.Check(os.DirFS(root))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}
