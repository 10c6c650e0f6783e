package edge_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/azattest/azattest/internal/edge"
)

func TestReadBody(t *testing.T) {
	t.Parallel()
	const most = 40 << 10
	small, large := strings.Repeat("a", 16<<10), strings.Repeat("b", most)
	for name, tt := range map[string]struct {
		body   io.Reader
		isFull bool // no place is free
		want   string
		err    error // a *http.MaxBytesError by its type
	}{
		"nothing":                 {body: http.NoBody},
		"small":                   {body: strings.NewReader(small), want: small},
		"small, no place":         {body: strings.NewReader(small), isFull: true, want: small},
		"small, of no length":     {body: io.MultiReader(strings.NewReader(small)), want: small},
		"large":                   {body: strings.NewReader(large), want: large},
		"large, of no length":     {body: io.MultiReader(strings.NewReader(large)), want: large},
		"large, in pieces":        {body: iotest.HalfReader(strings.NewReader(large)), want: large},
		"large, no place":         {body: strings.NewReader(large), isFull: true, err: edge.ErrBusy},
		"too long":                {body: strings.NewReader(large + "b"), err: new(http.MaxBytesError)},
		"too long, no place":      {body: strings.NewReader(large + "b"), isFull: true, err: new(http.MaxBytesError)},
		"too long, of no length":  {body: io.MultiReader(strings.NewReader(large + "b")), want: large, err: new(http.MaxBytesError)},
		"slow":                    {body: io.MultiReader(strings.NewReader(small), iotest.ErrReader(os.ErrDeadlineExceeded)), want: small, err: os.ErrDeadlineExceeded},
		"slow after a place":      {body: io.MultiReader(strings.NewReader(large[1:]), iotest.ErrReader(os.ErrDeadlineExceeded)), want: large[1:], err: os.ErrDeadlineExceeded},
		"cut off":                 {body: io.MultiReader(strings.NewReader(small), iotest.ErrReader(io.ErrUnexpectedEOF)), want: small, err: io.ErrUnexpectedEOF},
		"cut off, small, no room": {body: io.MultiReader(strings.NewReader(small), iotest.ErrReader(io.ErrUnexpectedEOF)), isFull: true, want: small, err: io.ErrUnexpectedEOF},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			places := make(edge.Places, 1)
			if tt.isFull {
				places <- struct{}{}
			}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", tt.body)
			body, err := edge.ReadBody(httptest.NewRecorder(), r, most, places)
			if string(body) != tt.want {
				t.Errorf("%d bytes, want %d", len(body), len(tt.want))
			}
			if _, ok := errors.AsType[*http.MaxBytesError](tt.err); ok {
				if e, ok := errors.AsType[*http.MaxBytesError](err); !ok || e.Limit != most {
					t.Errorf("error %v, want that there is more", err)
				}
			} else if !errors.Is(err, tt.err) {
				t.Errorf("error %v, want %v", err, tt.err)
			}
			if !tt.isFull && len(places) != 0 {
				t.Error("the place was not given back")
			}
		})
	}
}
