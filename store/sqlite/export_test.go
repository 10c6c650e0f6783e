package sqlite

import "context"

// Exec runs a statement on the connection that writes, so that tests can make
// it fail as a disk would.
func (s *Store) Exec(ctx context.Context, statement string) error {
	_, err := s.writer.ExecContext(ctx, statement)
	return err
}

// Lock takes the write lock until the function that it returns is called, or
// called again.
func (s *Store) Lock(ctx context.Context) (func(), error) {
	tx, err := s.writer.BeginTx(ctx, nil)
	if err != nil {
		return nil, err
	}
	return func() { _ = tx.Rollback() }, nil
}
