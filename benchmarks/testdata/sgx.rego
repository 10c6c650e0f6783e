package policy

permit := true

issued["is-debuggable"] := input["x-ms-sgx-is-debuggable"]

issued["sgx-mrsigner"] := input["x-ms-sgx-mrsigner"]

issued["sgx-mrenclave"] := input["x-ms-sgx-mrenclave"]

issued["product-id"] := input["x-ms-sgx-product-id"]

issued["svn"] := input["x-ms-sgx-svn"]

issued["tee"] := input["x-ms-attestation-type"]

decision := {
	"permit": permit,
	"issued": issued,
	"properties": {"x-ms-sgx-tcbidentifier": "azuredefault"},
}
