// What oidc-provider keeps, in PostgreSQL: one table, a row for each thing, prepared statements, expiry looked at on
// reading. The manner is that of the package's documentation; nothing is cached and nothing is left out.
import pg from 'pg';

export const SCHEMA = `
  CREATE TABLE IF NOT EXISTS things (
    kind text NOT NULL,
    id text NOT NULL,
    content jsonb NOT NULL,
    grant_id text,
    uid text,
    user_code text,
    consumed_at timestamptz,
    expires_at timestamptz,
    PRIMARY KEY (kind, id)
  );
  CREATE INDEX IF NOT EXISTS things_grant ON things (grant_id) WHERE grant_id IS NOT NULL;
  CREATE INDEX IF NOT EXISTS things_uid ON things (uid) WHERE uid IS NOT NULL;
  CREATE TABLE IF NOT EXISTS people (name text PRIMARY KEY, password text NOT NULL, claims jsonb NOT NULL);
`;

let pool;

export function open(address, connections) {
  pool = new pg.Pool({ connectionString: address, max: connections });
  return pool;
}

function run(name, text, values) {
  return pool.query({ name, text, values });
}

export async function person(name) {
  const { rows } = await run('person', 'SELECT password, claims FROM people WHERE name = $1', [name]);
  return rows[0];
}

const FOUND = 'SELECT content, extract(epoch FROM consumed_at)::int AS consumed FROM things WHERE kind = $1';
const ALIVE = '(expires_at IS NULL OR expires_at > now())';

function thing({ rows: [row] }) {
  if (!row) return undefined;
  return row.consumed ? { ...row.content, consumed: row.consumed } : row.content;
}

export class Store {
  constructor(kind) {
    this.kind = kind;
  }

  async upsert(id, content, seconds) {
    await run(
      'upsert',
      `INSERT INTO things (kind, id, content, grant_id, uid, user_code, expires_at)
       VALUES ($1, $2, $3, $4, $5, $6, now() + $7::double precision * interval '1 second')
       ON CONFLICT (kind, id) DO UPDATE SET content = excluded.content, grant_id = excluded.grant_id,
         uid = excluded.uid, user_code = excluded.user_code, expires_at = excluded.expires_at`,
      [this.kind, id, JSON.stringify(content), content.grantId ?? null, content.uid ?? null, content.userCode ?? null,
        seconds ?? null],
    );
  }

  async find(id) {
    return thing(await run('find', `${FOUND} AND id = $2 AND ${ALIVE}`, [this.kind, id]));
  }

  async findByUid(uid) {
    return thing(await run('find_by_uid', `${FOUND} AND uid = $2 AND ${ALIVE}`, [this.kind, uid]));
  }

  async findByUserCode(code) {
    return thing(await run('find_by_user_code', `${FOUND} AND user_code = $2 AND ${ALIVE}`, [this.kind, code]));
  }

  async consume(id) {
    await run('consume', 'UPDATE things SET consumed_at = now() WHERE kind = $1 AND id = $2', [this.kind, id]);
  }

  async destroy(id) {
    await run('destroy', 'DELETE FROM things WHERE kind = $1 AND id = $2', [this.kind, id]);
  }

  async revokeByGrantId(grantId) {
    await run('revoke', 'DELETE FROM things WHERE grant_id = $1', [grantId]);
  }
}
