package policy

deny if input["x-ms-sgx-is-debuggable"] == true

accepted if {
	input["x-ms-sgx-mrsigner"] == "4aea5f9a0ed04b11f889aadfe6a1d376213a29a95a85ce7337ae6f7fece6610c"
	input["x-ms-sgx-product-id"] == 1
	is_number(input["x-ms-sgx-svn"])
	input["x-ms-sgx-svn"] >= 2
}

default permit := false

permit if {
	accepted
	not deny
}

issued.build := input["x-ms-sgx-mrenclave"] if permit

decision := {"permit": permit, "issued": issued, "properties": {}}
