package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/spf13/cobra"
)

// jsonFlag adds --json to a command.
func jsonFlag(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("json", false, "print one JSON document instead of text")
}

// printJSON writes v as one indented JSON document, in which nothing can play
// with a terminal.
func printJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(v)
	if err == nil {
		_, err = w.Write(harmless(b.Bytes()))
	}
	if err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}

// harmless escapes what encoding/json lets stand: control characters above ASCII,
// which some terminals obey, and those that turn text around or make it vanish. They
// occur within strings only, so that the document means the same.
func harmless(document []byte) []byte {
	text := make([]byte, 0, len(document))
	for i := 0; i < len(document); {
		if document[i] < utf8.RuneSelf-1 {
			text = append(text, document[i])
			i++
			continue
		}
		r, size := utf8.DecodeRune(document[i:])
		isBroken := r == utf8.RuneError && size == 1 // decoders read that as U+FFFD
		if isBroken || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			for _, unit := range utf16.AppendRune(nil, r) {
				text = fmt.Appendf(text, `\u%04x`, unit)
			}
		} else {
			text = append(text, document[i:i+size]...)
		}
		i += size
	}
	return text
}

// table writes rows of name and value in two columns.
type table struct{ w *tabwriter.Writer }

func newTable(w io.Writer) *table {
	return &table{w: tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)}
}

func (t *table) row(name string, value any) {
	// The writer keeps what it is given; flush says what went wrong.
	_, _ = fmt.Fprintf(t.w, "%s\t%v\n", name, value)
}

// gap leaves a line empty.
func (t *table) gap() { _, _ = fmt.Fprintln(t.w) }

func (t *table) flush() error {
	if err := t.w.Flush(); err != nil {
		return fmt.Errorf("write the result: %w", err)
	}
	return nil
}
