package regorule

import (
	"context"

	"github.com/open-policy-agent/opa/v1/storage"
)

// empty is the data that modules can read besides their input: none.
type empty struct {
	storage.PolicyNotSupported
	storage.TriggersNotSupported
	storage.WritesNotSupported
}

// NewTransaction does nothing.
func (empty) NewTransaction(context.Context, ...storage.TransactionParams) (storage.Transaction, error) {
	return transaction{}, nil
}

// Read finds nothing.
func (empty) Read(context.Context, storage.Transaction, storage.Path) (any, error) {
	return nil, &storage.Error{Code: storage.NotFoundErr, Message: "a guardrail has no data"}
}

// Commit does nothing.
func (empty) Commit(context.Context, storage.Transaction) error { return nil }

// Truncate does nothing.
func (empty) Truncate(context.Context, storage.Transaction, storage.TransactionParams, storage.Iterator) error {
	return nil
}

// Abort does nothing.
func (empty) Abort(context.Context, storage.Transaction) {}

type transaction struct{}

// ID is the same for all transactions, because the store is empty.
func (transaction) ID() uint64 { return 1 }
