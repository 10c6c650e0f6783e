package archtest

import "slices"

// modulePath is the import path of the repository's root. The client's module
// nests in it, so a package's import path is always this and its folder.
const modulePath = "github.com/azattest/azattest"

// everything stands in a row's may for every room that is not for tests only.
const everything = "*"

// maxLines is the longest Go file. Half the files of a healthy house stay below
// 150 lines; beyond 700 nobody reads a file as one thought.
const maxLines = 700

// row says which rooms of ours a room may import. Test files are free to import
// more: see testsMay.
type row struct {
	room    string
	may     []string
	because string
}

// rows is the table of allowed arrows. What is not listed is an error.
var rows = []row{
	{"claims", nil, "the noun that flows knows nobody it flows through"},
	{"policy/syntax", nil, "a grammar needs no semantics"},
	{"policy/jmespath", nil, "a query language over JSON stands alone"},
	{"policy", []string{"claims", "policy/syntax", "policy/jmespath"}, "a policy reads claims and makes claims, whatever they were proved by"},
	{"evidence", []string{"claims"}, "what a verifier is, said without knowing one"},
	{"evidence/dcap", []string{"evidence"}, "Intel's formats and chains; which claims come of them is for sgx and tdx to say"},
	{"evidence/sgx", []string{"claims", "evidence", "evidence/dcap"}, "an SGX quote on top of what SGX and TDX share"},
	{"evidence/tdx", []string{"claims", "evidence", "evidence/dcap"}, "a TD quote on top of what SGX and TDX share"},
	{"evidence/openenclave", []string{"claims", "evidence", "evidence/dcap", "evidence/sgx"}, "a report wraps an SGX quote, and an evidence envelope carries DCAP collateral"},
	{"evidence/snp", []string{"claims", "evidence"}, "AMD's evidence shares nothing with Intel's"},
	{"evidence/tpm/eventlog", nil, "a log of measurements, whatever vouches for it"},
	{"evidence/tpm", []string{"claims", "evidence", "evidence/tpm/eventlog"}, "a TPM's evidence shares nothing with a processor's; the key of an enclave's report stands in a log"},
	{"evidence/azureguest", []string{"claims", "evidence", "evidence/snp", "evidence/tdx", "evidence/tpm"}, "an Azure guest is a TPM bound to a processor's report"},
	{"collateral", []string{"evidence/dcap", "evidence/snp"}, "it fetches what verifiers judge by, and judges nothing"},
	{"simulator", []string{"evidence", "evidence/dcap", "evidence/sgx"}, "it writes the formats that verifiers read, in the words that evidence has for a TCB status"},
	{"token", []string{"claims"}, "a token is signed claims, whoever stated them"},
	{"store", nil, "records, without those who keep them or use them"},
	{"store/storetest", []string{"store"}, "one suite for every way of keeping records"},
	{"store/memory", []string{"store"}, "one way of keeping records"},
	{"store/sqlite", []string{"store"}, "one way of keeping records"},
	{"store/postgres", []string{"store"}, "one way of keeping records"},
	{"attest", []string{"claims", "evidence", "policy", "token", "store"}, "the pipeline joins evidence, policy and token, and knows no kind of evidence"},
	{"attest/intel", []string{"collateral", "evidence", "evidence/dcap", "evidence/sgx", "evidence/openenclave"}, "a verifier never fetches and the pipeline knows no Intel, so somebody must join a verifier with a source of collateral"},
	{"relyingparty", []string{"azattestation", "claims", "evidence", "evidence/dcap", "evidence/openenclave", "evidence/sgx", "evidence/tpm"}, "it verifies with public keys, of tokens and of the enclave that signs them, and must not be able to sign; what a report says of a TPM's key is in the words of evidence/tpm"},
	{"keyrelease", []string{"azattestation", "relyingparty"}, "who keeps a key is a relying party: whether a token is genuine, and whose keys stand in it, is said there; the attested party's half asks through the client"},
	{"collect", nil, "it fetches evidence from the machine it runs on, and judges nothing"},
	{"collect/tpm", []string{"azattestation", "evidence", "evidence/tpm", "evidence/tpm/eventlog", "internal/wholefile"}, "it speaks the TPM protocol through the client, and holds what the TPM signs against what it asked for, as the service will; its keys are kept in files"},
	{"internal/wire", nil, "Microsoft's words on the wire, without ours"},
	{"internal/policytoken", nil, "who signed a policy is checked before anybody reads it as one"},
	{"internal/keyring", []string{"store", "token"}, "keys are kept as records and used as rings"},
	{"internal/instance", []string{"attest", "claims", "evidence", "internal/policytoken", "internal/ticket", "policy", "store", "token"}, "an instance is what was stored of it, made into a pipeline"},
	{"internal/ticket", nil, "whatever a ticket carries, it is sealed alike"},
	{"internal/edge", nil, "who calls, what may be sent and when to stop is the same for every server"},
	{"internal/throttle", nil, "who asks too often is counted alike, whatever he asks for"},
	{"internal/vault", []string{"keyrelease", "store"}, "keys are kept as records and handed out to who releases them"},
	{"internal/vaultserver", []string{"internal/audit", "internal/auth", "internal/edge", "internal/telemetry", "internal/throttle", "internal/vault", "keyrelease"}, "HTTP in, HTTP out, as Key Vault answers; who decides about a release is keyrelease's"},
	{"internal/enroll", []string{"evidence", "evidence/tpm", "internal/ticket"}, "who gives keys their certificates judges TPMs as a verifier does, and keeps nothing"},
	{"internal/audit", nil, "a trail of what happened, whatever it was"},
	{"internal/telemetry", nil, "it counts and times, and knows nothing of what"},
	{"internal/wholefile", nil, "bytes become a file, whatever they are"},
	{"internal/config", nil, "a file becomes values; what they mean is for the command to say"},
	{"internal/server", []string{"attest", "claims", "evidence", "store", "policy", "token", "internal/audit", "internal/auth", "internal/edge", "internal/enroll", "internal/instance", "internal/policytoken", "internal/telemetry", "internal/throttle", "internal/wire"}, "HTTP in, HTTP out; of evidence it knows the errors, which it maps to answers, and no kind"},
	{"internal/auth", nil, "who the caller is does not depend on what is asked"},
	{"internal/testpg", nil, "a PostgreSQL server for tests"},
	{"internal/testport", nil, "a port for a server in a test"},
	{"internal/testlog", []string{"evidence/tpm/eventlog"}, "logs for tests out of real ones"},
	{"internal/testtpm", []string{"evidence/tpm/eventlog"}, "a TPM in software for tests, into which the events of logs are measured"},
	{"internal/testvbs", []string{"evidence/tpm", "evidence/tpm/eventlog"}, "it writes what the verifier reads, in the verifier's words"},
	{"internal/testattest", []string{"evidence/tpm", "evidence/tpm/eventlog"}, "requests of TPMs for tests, in the formats that verifiers read"},
	{"internal/testtoken", []string{"azattestation", "token"}, "tokens for tests, signed by the keys of the service and verified by those of its client"},
	{"internal/cli", []string{everything}, "a command joins whatever its user needs, the server included"},
	{"internal/corpus", nil, "it finds files for tests"},
	{"internal/archtest", nil, "it reads files, not packages"},
	{"cmd/azattest", []string{"internal/cli"}, "main is ten lines"},
	{"examples/secure-key-release", nil, "it starts programs, and asks them as any client could"},
	{"examples/secure-key-release/enclave", []string{"azattestation", "collect", "keyrelease", "simulator"}, "it is copied into other people's modules, so it may import what those may"},
	{"azattestation", nil, "who imports the client gets azcore and nothing else"},
	{"azattestation/fake", []string{"azattestation"}, "a fake server speaks the client's types"},
	{"azattestation/internal/replay", nil, "it replays recorded exchanges below the client"},
}

// testOnly are the rooms that no program is made of: only test files may
// import them.
var testOnly = []string{"internal/corpus", "internal/archtest", "internal/testpg", "internal/testport", "internal/testattest", "internal/testlog", "internal/testtoken", "internal/testtpm", "internal/testvbs", "store/storetest", "azattestation/internal/replay"}

// testFolders hold test files and nothing else, with everything below them. So
// does the root itself, whose tests run the README.
var testFolders = []string{"conformance", "benchmarks", "deploy"}

// clientRoom is the folder of the client's module.
const clientRoom = "azattestation"

// denied are imports that no file of a room may have, tests included: what
// needs them to be tested is in the wrong room.
var denied = []struct {
	path    string
	rooms   []string // each with everything below it
	because string
}{
	{"net/http", []string{"claims", "evidence", "policy", "token", "attest"}, "HTTP stays at the edge: these rooms work on bytes and offline"},
}

// outside are the packages of other people's modules that may be linked into
// ours, each with the rooms that need it. Claims, evidence and policy stand on
// the standard library alone.
var outside = []struct {
	path    string // with everything below it
	rooms   []string
	because string
}{
	{"github.com/Azure/azure-sdk-for-go/sdk/azcore", []string{"azattestation", "azattestation/fake", "azattestation/internal/replay", "collect/tpm", "examples/secure-key-release/enclave", "internal/cli", "keyrelease"}, "the pipeline of every Azure client, enrollment's and a vault's too; the command configures the client library's, and reads its errors; an example has a credential for it"},
	{"github.com/Azure/azure-sdk-for-go/sdk/azidentity", []string{"internal/cli"}, "who may change policies logs in as with every Azure tool; it is the command's, not the client library's"},
	{"github.com/google/go-tpm", []string{"collect/tpm"}, "the commands of a TPM, and the ways to its device; what a TPM signs is verified without it"},
	{"golang.org/x/sync/singleflight", []string{"collateral"}, "one fetch for many who ask"},
	{"github.com/spf13/cobra", []string{"internal/cli"}, "commands, completion and help as everybody knows them"},
	{"go.yaml.in/yaml/v3", []string{"internal/cli", "internal/config"}, "tables of policy tests and configurations are written by people, in YAML; its nodes keep types and lines"},
	{"modernc.org/sqlite", []string{"store/sqlite"}, "SQLite without cgo"},
	{"github.com/jackc/pgx/v5", []string{"store/postgres", "internal/testpg"}, "the PostgreSQL driver that speaks LISTEN and NOTIFY"},
	{"github.com/go-jose/go-jose/v4", []string{"internal/auth", "internal/vaultserver", "keyrelease"}, "JWS and JWE of other people's making, with a mandatory list of algorithms"},
	{"github.com/prometheus/client_golang", []string{"internal/telemetry"}, "metrics in the form that everybody scrapes"},
	{"go.opentelemetry.io/otel", []string{"internal/telemetry"}, "traces that continue the client's"},
	{"go.opentelemetry.io/contrib", []string{"internal/telemetry"}, "traces of HTTP as everybody draws them"},
	{"golang.org/x/time/rate", []string{"internal/throttle", "internal/server"}, "token buckets"},
	{"github.com/tink-crypto/tink-go/v2/kwp/subtle", []string{"keyrelease"}, "AES-KWP (RFC 5649), which the standard library lacks; nothing else of Tink"},
	{"github.com/miekg/pkcs11", []string{"internal/keyring"}, "keys in devices, behind a build tag, for it needs cgo"},
	{"github.com/rogpeppe/go-internal/diff", []string{"internal/cli"}, "a unified diff in linear time, as the go command prints; it was there for the tests already"},
	{"github.com/spf13/pflag", []string{"internal/cli"}, "the flags of cobra, to look over all that were given"},
}

// clockless are the rooms to which time is an input. Where a default clock may
// be named (time.Now as a value, for a Config), calling it is still denied.
var clockless = []struct {
	room    string // with everything below it
	naming  bool   // time.Now may stand as a value
	because string
}{
	{"claims", false, "claims have no time of their own"},
	{"evidence", false, "old evidence and archived collateral must verify as of any time"},
	{"policy", false, "a decision follows from the claims alone"},
	{"collateral", true, "whether collateral is current is judged at the time of the query or of an injected clock"},
	{"token", true, "the pipeline says when a token begins and ends"},
	{"attest", true, "one clock, in the Config, for the whole request"},
	{"keyrelease", true, "a policy holds of claims, whenever; when a key begins and ends is judged by the clock of a Config"},
	{"relyingparty", true, "whether a key or a token holds is judged as of the time that the caller gives"},
}

// vagueNames are names that say nothing of what a package holds.
var vagueNames = []string{"util", "utils", "common", "helper", "helpers", "types", "base", "misc"}

// testsMay says whether a test file of room may import ours.
func testsMay(room, ours string) bool {
	// A client's test that needs the server would make the server a dependency
	// of the client's module; where they meet is conformance.
	return !within(room, clientRoom) || within(ours, clientRoom)
}

func rowOf(room string) (row, bool) {
	i := slices.IndexFunc(rows, func(r row) bool { return r.room == room })
	if i < 0 {
		return row{}, false
	}
	return rows[i], true
}
