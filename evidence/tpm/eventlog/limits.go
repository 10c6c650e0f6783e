package eventlog

// The bounds of what is read. A log comes from a machine that nobody trusts
// yet, so that each of them stands before an allocation or a loop.
const (
	// maxLog is the largest log. Firmware keeps logs of 64 KiB to 1 MiB; the rest
	// is for IMA, which adds a hundred bytes or two for every program that runs.
	maxLog = 16 << 20
	// maxLogs is the most logs of one machine. Windows keeps three of a boot and
	// three of a resume from hibernation, Linux two.
	maxLogs = 16
	// maxEvents is the most events of a log. 100,000 programs is a busy server's
	// IMA log; firmware logs have 200.
	maxEvents = 1 << 17
	// maxData is the longest data of an event. The longest seen are signature
	// databases and Windows' list of loaded modules, below 64 KiB.
	maxData = 1 << 20
	// maxBanks is the most algorithms of a log. No TPM has had more than four.
	maxBanks = 8
	// maxDigest is the longest digest, SHA-512's.
	maxDigest = 64
	// maxPCR is the last index of a PCR. TPMs for PCs have 24, the TCG reserves
	// up to 32.
	maxPCR = 31
	// maxTagDepth is how deep Windows' tagged events may nest. Windows nests
	// them three deep.
	maxTagDepth = 8
	// maxTags is the most tagged events within one event of the log. A boot with
	// 70 drivers has 600.
	maxTags = 1 << 14
	// maxNodes is the most nodes of a device path. Real ones have up to ten.
	maxNodes = 256
	// maxSignatures is the most entries of a signature database. Microsoft's
	// list of forbidden signatures has some hundreds.
	maxSignatures = 1 << 14
	// maxPartitions is the most partitions of an event about a disk. A GPT has
	// room for 128 as it is usually made.
	maxPartitions = 1 << 10
	// maxText is the longest text that Describe shows of an event.
	maxText = 200
)
