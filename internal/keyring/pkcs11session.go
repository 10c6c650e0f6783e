//go:build pkcs11

package keyring

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/pkcs11"
)

var errClosed = errors.New("keyring: PKCS #11: closed")

// connect finds the token and logs in. It is called with the lock held.
func (t *hsm) connect() error {
	if t.closed {
		return errClosed
	}
	if t.refused != nil {
		return t.refused
	}
	if err := t.lib.Initialize(); err != nil && !isCode(err, pkcs11.CKR_CRYPTOKI_ALREADY_INITIALIZED) {
		return fmt.Errorf("keyring: PKCS #11: initialize: %w", err)
	}
	slot, err := t.findSlot()
	if err != nil {
		return err
	}
	session, err := t.lib.OpenSession(slot, pkcs11.CKF_SERIAL_SESSION|pkcs11.CKF_RW_SESSION)
	if err != nil {
		return fmt.Errorf("keyring: PKCS #11: token %q: open a session: %w", t.config.TokenLabel, err)
	}
	if err := t.lib.Login(session, pkcs11.CKU_USER, t.config.PIN); err != nil && !isCode(err, pkcs11.CKR_USER_ALREADY_LOGGED_IN) {
		_ = t.lib.CloseSession(session)
		err = fmt.Errorf("keyring: PKCS #11: token %q: log in: %w", t.config.TokenLabel, err)
		if isCode(err, pkcs11.CKR_PIN_INCORRECT, pkcs11.CKR_PIN_LOCKED, pkcs11.CKR_PIN_INVALID, pkcs11.CKR_PIN_LEN_RANGE, pkcs11.CKR_PIN_EXPIRED) {
			t.refused = err
		}
		return err
	}
	t.slot, t.anchor = slot, session
	t.epoch++
	return nil
}

// findSlot returns the slot of the one token with the label.
func (t *hsm) findSlot() (uint, error) {
	slots, err := t.lib.GetSlotList(true)
	if err != nil {
		return 0, fmt.Errorf("keyring: PKCS #11: list the tokens: %w", err)
	}
	var labels []string
	var found []uint
	for _, slot := range slots {
		info, err := t.lib.GetTokenInfo(slot)
		if err != nil {
			continue // it was pulled out in between
		}
		label := strings.TrimRight(info.Label, " \x00")
		labels = append(labels, fmt.Sprintf("%q", label))
		if label == t.config.TokenLabel {
			found = append(found, slot)
		}
	}
	if len(found) != 1 {
		return 0, fmt.Errorf("keyring: PKCS #11: %d tokens with the label %q, want one: there are %s", len(found), t.config.TokenLabel, strings.Join(labels, ", "))
	}
	return found[0], nil
}

// disconnect closes what is open, as far as that still works. It is called with
// the lock held.
func (t *hsm) disconnect() {
	for _, s := range append(slices.Clone(t.idle), t.anchor) {
		_ = t.lib.CloseSession(s)
	}
	t.idle = nil
	clear(t.handles)
}

// reconnect replaces the connection of an epoch, unless somebody did. A library
// that does not recover by itself is initialized anew.
func (t *hsm) reconnect(epoch int) error {
	t.calls.Lock()
	defer t.calls.Unlock()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.epoch != epoch {
		return nil
	}
	t.disconnect()
	if err := t.connect(); err == nil || t.refused != nil || t.closed {
		return err
	}
	_ = t.lib.Finalize()
	return t.connect()
}

// session is one of a connection.
type session struct {
	handle pkcs11.SessionHandle
	epoch  int
}

// borrow returns a session that nobody else uses.
func (t *hsm) borrow() (session, error) {
	wait := time.NewTimer(sessionWait)
	defer wait.Stop()
	select {
	case t.places <- struct{}{}:
	case <-wait.C:
		return session{}, fmt.Errorf("keyring: PKCS #11: all %d sessions busy for %s: the device is too slow, or gone", t.config.Sessions, sessionWait)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	s := session{epoch: t.epoch}
	var err error
	switch n := len(t.idle); {
	case t.closed:
		err = errClosed
	case n > 0:
		s.handle, t.idle = t.idle[n-1], t.idle[:n-1]
	default:
		if s.handle, err = t.lib.OpenSession(t.slot, pkcs11.CKF_SERIAL_SESSION); err != nil {
			err = fmt.Errorf("keyring: PKCS #11: open a session: %w", err)
		}
	}
	if err != nil {
		<-t.places
	}
	return s, err
}

// giveBack ends the use of a session. After an error it is closed: an operation
// may be left half done in it.
func (t *hsm) giveBack(s session, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	defer func() { <-t.places }()
	switch {
	case t.closed || s.epoch != t.epoch:
	case err != nil:
		_ = t.lib.CloseSession(s.handle)
	default:
		t.idle = append(t.idle, s.handle)
	}
}

// do runs an operation in a session, and once more after a connection that was
// lost has been replaced.
func (t *hsm) do(operation func(session) error) error {
	epoch, err := t.try(operation)
	if err == nil || !isLost(err) {
		return err
	}
	if again := t.reconnect(epoch); again != nil {
		return fmt.Errorf("%w (connection lost: %w)", again, err)
	}
	_, err = t.try(operation)
	return err
}

func (t *hsm) try(operation func(session) error) (int, error) {
	t.calls.RLock()
	defer t.calls.RUnlock()
	s, err := t.borrow()
	if err != nil {
		return s.epoch, err
	}
	err = operation(s)
	t.giveBack(s, err)
	return s.epoch, err
}

// isLost says whether an error means that the connection, and not the operation,
// is at fault.
func isLost(err error) bool {
	return isCode(err,
		pkcs11.CKR_SESSION_HANDLE_INVALID, pkcs11.CKR_SESSION_CLOSED, pkcs11.CKR_USER_NOT_LOGGED_IN, pkcs11.CKR_KEY_HANDLE_INVALID,
		pkcs11.CKR_OBJECT_HANDLE_INVALID, pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED, pkcs11.CKR_DEVICE_ERROR, pkcs11.CKR_DEVICE_REMOVED,
		pkcs11.CKR_TOKEN_NOT_PRESENT, pkcs11.CKR_TOKEN_NOT_RECOGNIZED, pkcs11.CKR_SLOT_ID_INVALID, pkcs11.CKR_GENERAL_ERROR, pkcs11.CKR_FUNCTION_FAILED)
}

func isCode(err error, codes ...uint) bool {
	e, ok := errors.AsType[pkcs11.Error](err)
	return ok && slices.Contains(codes, uint(e))
}
