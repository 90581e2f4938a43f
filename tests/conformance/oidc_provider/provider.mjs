// The certified package `oidc-provider` with everything on that the plans ask for, on loopback with TLS. Sign-in and
// consent pages are its own development pages: any name and password will do. Version 6 is there for what later ones
// have dropped: algorithm `none`, front-channel logout and session management.
import { createServer } from 'node:https';
import { createHash, generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const { PORT, VERSION, CERTIFICATE, KEY, KEYS, RELYING_PARTY, CLIENTS } = process.env;
const old = VERSION === '6';
const Provider = old ? (await import('oidc-provider-6')).default.Provider : (await import('oidc-provider')).default;
const issuer = `https://127.0.0.1:${PORT}`;
const acr = 'urn:mace:incommon:iap:bronze';
const suite = JSON.parse(CLIENTS);
const callback = `${RELYING_PARTY}/test/a/${suite.alias}`;

function key(type, options, use, alg) {
  const { privateKey } = generateKeyPairSync(type, options);
  return { ...privateKey.export({ format: 'jwk' }), use, alg, kid: randomUUID() };
}

// Its keys are given when it starts. Whoever rotates them starts it again, with a new one before those that it had.
function keys() {
  const made = [key('rsa', { modulusLength: 2048 }, 'sig', 'RS256')];
  const kept = existsSync(KEYS)
    ? JSON.parse(readFileSync(KEYS))
    : [key('ec', { namedCurve: 'P-256' }, 'sig', 'ES256'), key('ed25519', {}, 'sig', 'EdDSA')];
  writeFileSync(KEYS, JSON.stringify([...made, ...kept]));
  return [...made, ...kept];
}

function account(_ctx, sub) {
  return {
    accountId: sub,
    claims: () => ({
      sub,
      name: 'Rolande Hoareau',
      given_name: 'Rolande',
      family_name: 'Hoareau',
      middle_name: 'Marie',
      nickname: 'Rolande',
      preferred_username: 'rolande',
      profile: 'https://personnes.exemple.org/rolande',
      picture: 'https://personnes.exemple.org/rolande.png',
      website: 'https://rolande.exemple.org',
      gender: 'female',
      birthdate: '1951-04-02',
      zoneinfo: 'Europe/Paris',
      locale: 'fr-FR',
      updated_at: 1700000000,
      email: 'rolande@exemple.org',
      email_verified: true,
      phone_number: '+33195797853',
      phone_number_verified: true,
      address: { formatted: '509, boulevard Breton, 59469 Saint-Laurent', country: 'FR' },
    }),
  };
}

function registered(section, method) {
  const { client_id, client_secret } = suite[section];
  return {
    client_id,
    client_secret,
    token_endpoint_auth_method: method,
    grant_types: ['authorization_code', 'refresh_token'],
    redirect_uris: [`${callback}/callback`],
    post_logout_redirect_uris: [`${callback}/post_logout_redirect`],
  };
}

const signatures = ['RS256', 'PS256', 'ES256', 'EdDSA'];
const authentication = ['none', 'client_secret_basic', 'client_secret_post', 'client_secret_jwt', 'private_key_jwt'];
const algorithms = {
  idTokenSigningAlgValues: old ? [...signatures, 'none'] : signatures,
  requestObjectSigningAlgValues: old ? [...signatures, 'none'] : signatures,
  userinfoSigningAlgValues: signatures,
};
const forVersion = old
  ? {
      tokenEndpointAuthMethods: authentication,
      whitelistedJWA: { ...algorithms, tokenEndpointAuthSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256'] },
      features: {
        backchannelLogout: { enabled: true, ack: 'draft-06' },
        frontchannelLogout: { enabled: true, ack: 'draft-04' },
        sessionManagement: { enabled: true, ack: 'draft-30' },
      },
    }
  : {
      clientAuthMethods: authentication,
      enabledJWA: { ...algorithms, clientAuthSigningAlgValues: ['HS256', 'RS256', 'PS256', 'ES256'] },
      features: { backchannelLogout: { enabled: true } },
    };
const provider = new Provider(issuer, {
  ...forVersion,
  acrValues: [acr],
  claims: {
    acr: null,
    sid: null,
    auth_time: null,
    iss: null,
    openid: ['sub'],
    address: ['address'],
    email: ['email', 'email_verified'],
    phone: ['phone_number', 'phone_number_verified'],
    profile: ['birthdate', 'family_name', 'gender', 'given_name', 'locale', 'middle_name', 'name', 'nickname', 'picture',
      'preferred_username', 'profile', 'updated_at', 'website', 'zoneinfo'],
  },
  clients: [
    registered('client', 'client_secret_basic'),
    registered('client2', 'client_secret_basic'),
    registered('client_secret_post', 'client_secret_post'),
  ],
  cookies: { keys: [randomBytes(32).toString('hex')] },
  features: {
    ...forVersion.features,
    claimsParameter: { enabled: true },
    devInteractions: { enabled: true },
    jwtUserinfo: { enabled: true },
    registration: { enabled: true },
    registrationManagement: { enabled: true },
    requestObjects: { request: true, requestUri: true, mode: 'strict' },
    rpInitiatedLogout: { enabled: true },
  },
  findAccount: account,
  issueRefreshToken: async (_ctx, client, code) =>
    client.grantTypeAllowed('refresh_token') && code.scopes.has('offline_access'),
  jwks: { keys: keys() },
  pairwiseIdentifier: (_ctx, accountId, client) =>
    createHash('sha256').update(client.sectorIdentifier).update(accountId).digest('hex'),
  pkce: { required: () => false },
  responseTypes: ['code id_token token', 'code id_token', 'code token', 'code', 'id_token token', 'id_token', 'none'],
  subjectTypes: ['public', 'pairwise'],
});

// The development pages do not say how somebody signed in; the modules about `acr` ask.
const finish = provider.interactionFinished.bind(provider);
provider.interactionFinished = (req, res, result, options) => {
  if (result.login) Object.assign(result.login, { acr });
  return finish(req, res, result, options);
};

createServer({ cert: readFileSync(CERTIFICATE), key: readFileSync(KEY) }, old ? provider.callback : provider.callback())
  .listen(Number(PORT), '127.0.0.1');
