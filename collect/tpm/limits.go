package tpm

import "time"

// Every bound of this package, each with its reason.
const (
	// maxResponse bounds an answer of a TPM (part 2, 6.13: TPM_PT_MAX_RESPONSE_SIZE
	// of the reference TPM; Linux' buffer).
	maxResponse = 4096
	// connectPatience is how long it may take until a socket answers.
	connectPatience = 10 * time.Second
	// commandPatience is for one command. Some TPMs need most of a minute to find
	// the primes of an RSA key.
	commandPatience = 3 * time.Minute
	// identifyPatience is for the questions what a TPM is, which it answers at once. It
	// may be at work for others, though.
	identifyPatience = time.Minute
	// flushPatience is for putting away what is in the TPM, also when nobody waits for
	// the operation any more: a TPM that does not answer in that time keeps it.
	flushPatience = 10 * time.Second
	// lingerPatience is how long an answer is waited for that nobody needs any more, if
	// it alone says what to put away. It comes within a second where a TPM loads.
	lingerPatience = 3 * time.Second
	// makingPatience is the same where a TPM makes a key, which for RSA takes some most
	// of a minute.
	makingPatience = time.Minute
	// queueWait is the wait before somebody asks again for a place in a full queue. A
	// swtpm takes milliseconds for most commands.
	queueWait = 10 * time.Millisecond
	// firstWait and lastWait bound the waits before a busy TPM is asked again, each
	// twice the one before: four seconds in all.
	firstWait = time.Millisecond
	lastWait  = 2048 * time.Millisecond
	// maxPCRReads is how often PCRs are quoted and read until both agree. IMA extends
	// one whenever a program is first run, and reading takes below a second.
	maxPCRReads = 8
	// pcrCount is the number of PCRs of the PC Client profile.
	pcrCount = 24
	// maxLog bounds a log. Firmware's have some 100 KiB; IMA's grows with every file
	// that is measured, 100 bytes each. What is longer, package eventlog does not read.
	maxLog = 16 << 20
	// maxKeyFile bounds the file of a key. One with a chain of certificates has
	// 10 KiB.
	maxKeyFile = 256 << 10
	// maxPrivate bounds the private part of a key as the TPM wraps it: that of an
	// RSA-4096 key has below 1 KiB.
	maxPrivate = 2 << 10
	// maxCertificate bounds a certificate in DER, and maxChain those of one key.
	maxCertificate = 16 << 10
	maxChain       = 8
	// maxNV bounds what is read of one NV index, and nvPiece what is read at a time:
	// every TPM gives so many bytes.
	maxNV   = 16 << 10
	nvPiece = 512
	// maxOtherKeys is the protocol's.
	maxOtherKeys = 2
	// maxChallenge and maxContext bound what the service gives to be signed and
	// returned. Azure's are of 16 and 300 bytes. A challenge that is quoted bare must
	// fit into a digest (part 2, 10.4.3).
	maxChallenge = 64
	maxContext   = 64 << 10
	// maxCredential bounds the parts of a credential: one that is encrypted by
	// RSA-4096 has 512 bytes.
	maxCredential = 1 << 10
	// maxAnswer bounds an answer of the enrollment: a chain of certificates.
	maxAnswer = 256 << 10
	// maxRefusal bounds what is read of a refusal, which errors repeat.
	maxRefusal = 64 << 10
	// requestKeyBits is the size of an RSA key that is made for one request: the
	// least that may sign one.
	requestKeyBits = 2048
	// maxBuffer is what a TPM takes of a text at once: MAX_DIGEST_BUFFER, at least
	// 1024 in a TPM for PCs.
	maxBuffer = 1024
)
