package ticket_test

import (
	"fmt"
	"time"

	"github.com/azattest/azattest/internal/ticket"
)

func Example() {
	s, err := ticket.New(ticket.Config{Lifetime: 5 * time.Minute})
	if err != nil {
		fmt.Println(err)
		return
	}
	sealed, err := s.Seal(ticket.Challenge, "https://attest.example", []byte("a challenge"))
	if err != nil {
		fmt.Println(err)
		return
	}
	payload, err := s.Open(ticket.Challenge, "https://attest.example", sealed)
	fmt.Printf("%s %v\n", payload, err)
	_, err = s.Open(ticket.Challenge, "https://other.example", sealed)
	fmt.Println(err)
	// Output:
	// a challenge <nil>
	// ticket: made for another instance or another use, or changed
}
