package keyrelease

import (
	"encoding/json"
	"time"
)

// attributesJSON are attributes as Key Vault writes them: times in seconds since 1970.
type attributesJSON struct {
	Created         int64  `json:"created,omitempty"`
	Enabled         bool   `json:"enabled"`
	Expires         int64  `json:"exp,omitempty"`
	Exportable      bool   `json:"exportable"`
	NotBefore       int64  `json:"nbf,omitempty"`
	RecoverableDays int    `json:"recoverableDays,omitempty"`
	RecoveryLevel   string `json:"recoveryLevel,omitempty"`
	Updated         int64  `json:"updated,omitempty"`
}

// MarshalJSON writes the attributes as Key Vault does: times in seconds since 1970,
// and what is not known left out.
func (a Attributes) MarshalJSON() ([]byte, error) {
	seconds := func(t time.Time) int64 {
		if t.IsZero() {
			return 0
		}
		return t.Unix()
	}
	return json.Marshal(attributesJSON{
		Created: seconds(a.Created), Enabled: a.Enabled, Expires: seconds(a.Expires), Exportable: a.Exportable, NotBefore: seconds(a.NotBefore),
		RecoverableDays: a.RecoverableDays, RecoveryLevel: a.RecoveryLevel, Updated: seconds(a.Updated),
	})
}

// UnmarshalJSON reads what [Attributes.MarshalJSON] or Key Vault wrote.
func (a *Attributes) UnmarshalJSON(text []byte) error {
	var read attributesJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	at := func(seconds int64) time.Time {
		if seconds == 0 {
			return time.Time{}
		}
		return time.Unix(seconds, 0).UTC()
	}
	*a = Attributes{
		Enabled: read.Enabled, Exportable: read.Exportable, NotBefore: at(read.NotBefore), Expires: at(read.Expires), Created: at(read.Created), Updated: at(read.Updated),
		RecoverableDays: read.RecoverableDays, RecoveryLevel: read.RecoveryLevel,
	}
	return nil
}
