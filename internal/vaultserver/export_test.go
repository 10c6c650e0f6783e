package vaultserver

// Route shows tests what a request is taken for: operation, name and version.
func Route(method, path string) ([3]string, []string) {
	a, allowed := route(method, path)
	return [3]string{string(a.operation), a.name, a.version}, allowed
}
