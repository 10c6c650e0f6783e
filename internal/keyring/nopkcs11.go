//go:build !pkcs11

package keyring

// OpenPKCS11 needs a program that was built with the tag pkcs11, which takes cgo;
// this one was not, and it returns a *[ConfigError] that says so.
func OpenPKCS11(PKCS11Config) (PKCS11, error) {
	return nil, &ConfigError{"Devices", "PKCS #11 is not in this program: build it with CGO_ENABLED=1 go build -tags pkcs11"}
}
