package auth

// VaultAudience is what tokens for Azure Key Vault are made for in the public cloud.
// The SDKs and the Azure CLI ask for it. A token for a vault is none for an
// attestation service, nor the other way round.
const VaultAudience = "https://vault.azure.net"

// The actions on keys, by the names of Azure Key Vault's data actions. Where a
// service keeps keys, the instance that [Caller.May] asks for is the name of a key,
// in lower case.
const (
	// ReleaseKey hands a key out to an attested party.
	ReleaseKey Action = "Microsoft.KeyVault/vaults/keys/release/action"
	// ReadKey looks at keys: public halves, attributes and release policies.
	ReadKey Action = "Microsoft.KeyVault/vaults/keys/read"
	// CreateKey lets the vault make a key, ImportKey brings one along.
	CreateKey Action = "Microsoft.KeyVault/vaults/keys/create/action"
	ImportKey Action = "Microsoft.KeyVault/vaults/keys/import/action"
	// RotateKey makes a new version of a key.
	RotateKey Action = "Microsoft.KeyVault/vaults/keys/rotate/action"
	// UpdateKey changes the attributes of a key, and its release policy.
	UpdateKey Action = "Microsoft.KeyVault/vaults/keys/update/action"
	DeleteKey Action = "Microsoft.KeyVault/vaults/keys/delete"
)

// The roles for keys, by the names of Azure's built-in roles.
const (
	// KeyReleaseUser may ReleaseKey and no more.
	KeyReleaseUser Role = "Key Vault Crypto Service Release User"
	// KeyReader may ReadKey.
	KeyReader Role = "Key Vault Reader"
	// KeyOfficer may do everything but ReleaseKey. Azure's may do that, too; here
	// who looks after keys must be given the release as a role of its own.
	KeyOfficer Role = "Key Vault Crypto Officer"
)

// vaultRoles are those of which a vault's development issuer makes tokens.
var vaultRoles = []Role{KeyReleaseUser, KeyReader, KeyOfficer}
