// SPDX-License-Identifier: AGPL-3.0-or-later

package pgstore

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// patience is how long a node waits for the database to take a connection.
	patience = 10 * time.Second
	// limit is how long it waits for an answer that should come at once. What
	// may take long, such as making a table anew, has none: there the line
	// alone is looked after.
	limit = 20 * time.Second
	// lockLimit is how long it waits for its turn to write: another node may be
	// making the wrapped keys anew.
	lockLimit = 2 * time.Minute
	// pinged is how long it waits for a sign of life from a connection that lay idle.
	pinged = 3 * time.Second

	// A line on which nothing comes through any more, though nobody hung up, is
	// given up after idle and three times probed, by both ends.
	idle   = 10 * time.Second
	probed = 5 * time.Second
	probes = 3
	// unheard is for how long what was sent may go without an acknowledgement.
	unheard = idle + probed
)

// settings are what the database is asked to do of the same: else it would hold
// the lock of a node that is gone for as long as two hours, and nobody could
// write. They are set where it knows them.
const settings = `SELECT set_config(name, value, false) FROM pg_settings JOIN (VALUES
	('tcp_keepalives_idle', '10'), ('tcp_keepalives_interval', '5'), ('tcp_keepalives_count', '3'), ('tcp_user_timeout', '15000'),
	('idle_in_transaction_session_timeout', '20000')) AS wanted(name, value) USING (name)`

// lookAfter has both ends of a connection notice that the other is gone.
func lookAfter(c *pgconn.Config) {
	dialer := &net.Dialer{KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: idle, Interval: probed, Count: probes}, Control: giveUp}
	c.DialFunc = dialer.DialContext
	c.AfterConnect = func(ctx context.Context, conn *pgconn.PgConn) error {
		_, err := conn.Exec(ctx, settings).ReadAll()
		var of *pgconn.PgError
		if errors.As(err, &of) {
			return nil // it speaks the protocol and has no such settings
		}
		return err
	}
}

// errSilent ends what has waited for too long.
var errSilent = errors.New("no answer")

// wait is a context that ends when the database does not answer in time. What
// was given to the database is not taken back by that: it may still be done.
type wait struct {
	context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
}

func waiting(ctx context.Context) *wait {
	w := &wait{}
	w.Context, w.cancel = context.WithCancelCause(ctx)
	w.timer = time.AfterFunc(limit, func() { w.cancel(errSilent) })
	return w
}

// until gives it so long from now on.
func (w *wait) until(d time.Duration) { w.timer.Reset(d) }

// pause stops the clock: it is not the database that is waited for, or it may take its time.
func (w *wait) pause() { w.timer.Stop() }

func (w *wait) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// said is what said says, and that there was no answer where that is why.
func (w *wait) said(doing string, err error) error {
	if err != nil && errors.Is(context.Cause(w), errSilent) {
		err = errSilent
	}
	return said(doing, err)
}
