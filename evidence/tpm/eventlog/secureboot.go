package eventlog

// SecureBoot is what PCR 7 says about Secure Boot.
type SecureBoot struct {
	// IsEnabled says whether firmware ran signed programs only. False also where
	// its variable is neither 0 nor 1.
	IsEnabled bool
	// PK, KEK, DB and DBX are the variables' entries: the platform's key, who may
	// change the other two, what may run and what must not.
	PK, KEK, DB, DBX []Signature
	// Authorities are the variables out of which entries allowed programs to run,
	// with those entries, in order.
	Authorities []Variable
	// Actions are what firmware said besides: "UEFI Debug Mode", "DMA Protection
	// Disabled".
	Actions []string
}

// SecureBoot reads the proven events of PCR 7. It is nil without an error where
// PCR 7 was not quoted, has no variables, or the log is not of firmware with a
// TPM.
func (p *Proven) SecureBoot() (*SecureBoot, error) {
	if p.Format != FormatCryptoAgile && p.Format != FormatSHA1 {
		return nil, nil //nolint:nilnil // documented: there is nothing to say
	}
	s, found := &SecureBoot{}, false
	for i := range p.Events {
		e := &p.Events[i]
		if e.PCR != pcrSecureBoot {
			continue
		}
		if e.Type == EvEFIAction {
			s.Actions = append(s.Actions, printable(e.Data))
			continue
		}
		if e.Type != EvEFIVariableDriverConfig && e.Type != EvEFIVariableAuthority {
			continue
		}
		v, err := e.variable()
		if err != nil {
			return nil, err
		}
		if e.Type == EvEFIVariableAuthority {
			s.Authorities = append(s.Authorities, *v)
			continue
		}
		found = true
		if err := s.config(v); err != nil {
			return nil, err
		}
	}
	if !found {
		return nil, nil //nolint:nilnil // as above
	}
	return s, nil
}

func (s *SecureBoot) config(v *Variable) (err error) {
	if !isSecureBootVariable(v) {
		return nil
	}
	switch v.Name {
	case "SecureBoot":
		s.IsEnabled = len(v.Data) == 1 && v.Data[0] == 1
	case "PK":
		s.PK, err = v.Signatures()
	case "KEK":
		s.KEK, err = v.Signatures()
	case "db":
		s.DB, err = v.Signatures()
	case "dbx":
		s.DBX, err = v.Signatures()
	}
	return err
}
