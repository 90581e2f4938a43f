// The peer of the benchmark: oidc-provider in WORKERS processes, with the same kinds of client, keys and people as ours.
// Sign-in page, people and store are not in the package; these are as small as its documentation has them.
//   PORT, DATABASE, WORKERS, COST (bcrypt), PEOPLE, SECRET, PASSWORD, KEYS (a file)
import cluster from 'node:cluster';
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import bcrypt from 'bcrypt';
import Provider from 'oidc-provider';
import { open, person, SCHEMA, Store } from './store.mjs';

const { PORT, DATABASE, WORKERS, COST, PEOPLE, SECRET, PASSWORD, KEYS } = process.env;
const CONNECTIONS = 8; // of each process

function key(type, options, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg, kid: alg };
}

async function prepare() {
  if (!existsSync(KEYS)) {
    const keys = [key('rsa', { modulusLength: 2048 }, 'RS256'), key('ec', { namedCurve: 'P-256' }, 'ES256')];
    writeFileSync(KEYS, JSON.stringify({ keys, cookies: randomBytes(32).toString('hex') }));
  }
  const pool = open(DATABASE, 1);
  await pool.query(SCHEMA);
  const password = await bcrypt.hash(PASSWORD, Number(COST));
  for (let number = 0; number < Number(PEOPLE); number += 1) {
    const name = `person${number}`;
    const claims = {
      sub: name,
      name: `Rolande ${number}`,
      given_name: 'Rolande',
      family_name: `${number}`,
      preferred_username: name,
      email: `${name}@exemple.org`,
      email_verified: true,
    };
    await pool.query(
      'INSERT INTO people VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET password = excluded.password',
      [name, password, JSON.stringify(claims)],
    );
  }
  await pool.end();
}

function portal(id, more) {
  return {
    client_id: `bench-${id}`,
    client_secret: SECRET,
    redirect_uris: [`https://bench-${id}.exemple.fr/retour`],
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    ...more,
  };
}

function form(action, fields) {
  return `<!doctype html><title>Sign in</title><form method="post" action="${action}">${fields}<button>OK</button></form>`;
}

async function posted(request) {
  let text = '';
  for await (const part of request) text += part;
  return new URLSearchParams(text);
}

function serve() {
  open(DATABASE, CONNECTIONS);
  const { keys, cookies } = JSON.parse(readFileSync(KEYS, 'utf8'));
  const provider = new Provider(`http://127.0.0.1:${PORT}`, {
    adapter: Store,
    jwks: { keys },
    cookies: { keys: [cookies] },
    clients: [
      portal('main', {}),
      portal('es256', { id_token_signed_response_alg: 'ES256' }),
      portal('rotating', {}),
      portal('service', { grant_types: ['client_credentials'], redirect_uris: [], response_types: [], scope: 'api' }),
    ],
    scopes: ['openid', 'offline_access', 'profile', 'email', 'api'],
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'given_name', 'family_name', 'preferred_username'],
    },
    pkce: { required: () => true },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      introspection: { enabled: true },
    },
    // The agencies' own portals ask for no consent, there as here.
    async loadExistingGrant({ oidc }) {
      const { client, result, session } = oidc;
      const known = result?.consent?.grantId ?? session.grantIdFor(client.clientId);
      if (known) return provider.Grant.find(known);
      return granted(client.clientId, session.accountId, 'openid profile email offline_access');
    },
    issueRefreshToken: async (_ctx, client, source) =>
      client.grantTypeAllowed('refresh_token') && source.scopes.has('offline_access'),
    rotateRefreshToken: true,
    async findAccount(_ctx, name) {
      const found = await person(name);
      return found && { accountId: name, claims: async () => found.claims };
    },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      ClientCredentials: 600,
      Grant: 7776000,
      IdToken: 600,
      Interaction: 3600,
      RefreshToken: 2592000,
      Session: 2592000,
    },
  });

  async function granted(clientId, accountId, scope) {
    const grant = new provider.Grant({ clientId, accountId });
    grant.addOIDCScope(scope);
    await grant.save();
    return grant;
  }

  provider.use(async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    const { prompt, params, session } = await provider.interactionDetails(ctx.req, ctx.res);
    ctx.set('cache-control', 'no-store');
    ctx.type = 'html';
    if (ctx.method === 'GET') {
      ctx.body = form(ctx.path, prompt.name === 'login' ? '<input name="login"><input type="password" name="password">' : '');
      return undefined;
    }
    let result;
    if (prompt.name === 'consent') {
      result = { consent: { grantId: (await granted(params.client_id, session.accountId, params.scope)).jti } };
    } else {
      const fields = await posted(ctx.req);
      const found = await person(fields.get('login'));
      if (!found || !(await bcrypt.compare(fields.get('password') ?? '', found.password))) {
        ctx.status = 401;
        ctx.body = form(ctx.path, '');
        return undefined;
      }
      result = { login: { accountId: fields.get('login') } };
    }
    ctx.respond = false;
    ctx.res.statusCode = 200;
    return provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: prompt.name === 'consent' });
  });
  provider.on('server_error', (_ctx, error) => console.error(error));
  provider.listen(Number(PORT), '127.0.0.1');
}

if (process.argv[2] === 'prepare') {
  await prepare();
} else if (cluster.isPrimary && Number(WORKERS) > 1) {
  for (let number = 0; number < Number(WORKERS); number += 1) cluster.fork();
} else {
  serve();
}
