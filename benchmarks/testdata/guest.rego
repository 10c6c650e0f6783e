package policy

deny if input["x-ms-azurevm-default-securebootkeysvalidated"] == false

deny if input["x-ms-azurevm-debuggersdisabled"] == false

deny if input.secureboot == false

deny if input["x-ms-azurevm-signingdisabled"] == false

deny if input["x-ms-azurevm-dbvalidated"] == false

deny if input["x-ms-azurevm-dbxvalidated"] == false

default permit := false

permit if not deny

decision := {"permit": permit, "issued": {}, "properties": {}}
