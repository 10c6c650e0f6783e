package collateral

import "github.com/azattest/azattest/evidence/dcap"

// tcbInfoFile is the file that makes a folder a set.
const tcbInfoFile = "tcb_info.json"

// part is one part of a collateral set.
type part struct {
	// name for people, and the file that holds it in a set folder.
	name, file string
	// limit is the largest size read, in bytes.
	limit int64
	// optional parts may be absent from a whole set.
	optional bool
	field    func(*dcap.CollateralParts) *[]byte
}

// The parts of a set.
var (
	tcbInfoPart = &part{
		name: "TCB info", file: tcbInfoFile, limit: maxTCBInfo,
		field: func(p *dcap.CollateralParts) *[]byte { return &p.TCBInfo },
	}
	tcbInfoChainPart = &part{
		name: "TCB info issuer chain", file: "tcb_signing_chain.pem", limit: maxChain,
		field: func(p *dcap.CollateralParts) *[]byte { return &p.TCBInfoIssuerChain },
	}
	qeIdentityPart = &part{
		name: "QE identity", file: "qe_identity.json", limit: maxQEIdentity,
		field: func(p *dcap.CollateralParts) *[]byte { return &p.QEIdentity },
	}
	// The chain of the QE identity has a file of its own only where it differs
	// from that of the TCB info; Intel signs both with one certificate.
	qeIdentityChainPart = &part{
		name: "QE identity issuer chain", file: "qe_identity_signing_chain.pem", limit: maxChain,
		field: func(p *dcap.CollateralParts) *[]byte { return &p.QEIdentityIssuerChain },
	}
	pckCRLPart = &part{
		name: "PCK CRL", file: "pck_crl.der", limit: maxCRL,
		field: func(p *dcap.CollateralParts) *[]byte { return &p.PCKCRL },
	}
	pckCRLChainPart = &part{
		name: "PCK CRL issuer chain", file: "pck_crl_issuer_chain.pem", limit: maxChain, optional: true,
		field: func(p *dcap.CollateralParts) *[]byte { return &p.PCKCRLIssuerChain },
	}
	rootCRLPart = &part{
		name: "root CA CRL", file: "root_ca_crl.der", limit: maxCRL,
		field: func(p *dcap.CollateralParts) *[]byte { return &p.RootCACRL },
	}
)

// setParts are all parts, in the order in which a reader of a set wants them.
var setParts = []*part{
	tcbInfoPart, tcbInfoChainPart, qeIdentityPart, qeIdentityChainPart, pckCRLPart, pckCRLChainPart, rootCRLPart,
}
