package token

import "fmt"

// KeyError says why a key, its certificate or a ring of keys cannot be used.
// Neither it nor what it wraps ever holds key material.
type KeyError struct {
	// Part is what was looked at: "key file", "private key", "certificate".
	Part string
	// Problem is what is wrong with it, and what would be right.
	Problem string
	// Err is the cause in another layer, if it is safe to show.
	Err error
}

func (e *KeyError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("token: %s: %s: %v", e.Part, e.Problem, e.Err)
	}
	return fmt.Sprintf("token: %s: %s", e.Part, e.Problem)
}

func (e *KeyError) Unwrap() error { return e.Err }

// NotExportableError says that a private key cannot be written to a file,
// because it lives in a device or a service that only signs.
type NotExportableError struct {
	// Signer is the Go type that signs in its place.
	Signer string
}

func (e *NotExportableError) Error() string {
	return fmt.Sprintf("token: private key: not exportable: held by a %s, which only signs", e.Signer)
}

// URLError says why a URL cannot name an instance of the service.
type URLError struct {
	// URL is the text refused; empty where it may hold a password.
	URL string
	// Problem is what is wrong with it, and what would be right.
	Problem string
}

func (e *URLError) Error() string {
	if e.URL == "" {
		return "token: issuer URL: " + e.Problem
	}
	return fmt.Sprintf("token: issuer URL %q: %s", e.URL, e.Problem)
}
