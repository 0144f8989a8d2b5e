// The smallest host for oidc-provider: its own in-memory adapter, one first-party client without a consent page,
// accounts that exist by being named, a password compared without a hash.
import { createPrivateKey, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';

const { PACKAGES, PORT, CALLBACK, CLIENT_SECRET, PASSWORD, SIGNING_KEY } = process.env;
const { default: Provider } = await import(createRequire(`${PACKAGES}/`).resolve('oidc-provider'));
const key = { ...createPrivateKey(SIGNING_KEY).export({ format: 'jwk' }), use: 'sig', alg: 'RS256', kid: 'bench' };

const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  clients: [{
    client_id: 'bench', client_secret: CLIENT_SECRET, redirect_uris: [CALLBACK],
    response_types: ['code'], grant_types: ['authorization_code'],
  }],
  jwks: { keys: [key] },
  cookies: { keys: [CLIENT_SECRET] },
  claims: { profile: ['name', 'given_name', 'family_name'], email: ['email'] },
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/sign-in/${interaction.uid}` },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({ sub: id, name: `Agent ${id}`, given_name: 'Agent', family_name: id, email: `${id}@example.fr` }),
  }),
  async loadExistingGrant({ oidc }) {
    const known = oidc.session.grantIdFor(oidc.client.clientId);
    const found = known && await oidc.provider.Grant.find(known);
    if (found) return found;
    const grant = new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
  ttl: { Session: 36000, Grant: 36000, Interaction: 900, IdToken: 600, AccessToken: 600, AuthorizationCode: 60 },
});

async function signIn(request, response) {
  const { uid } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') {
    response.setHeader('Content-Type', 'text/html; charset=utf-8');
    response.end(`<!doctype html><title>Connexion</title><form method="post" action="/sign-in/${uid}">
      <input name="username"><input name="password" type="password"><button>Connexion</button></form>`);
    return;
  }
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const form = new URLSearchParams(Buffer.concat(chunks).toString());
  const [given, expected] = [Buffer.from(form.get('password') ?? ''), Buffer.from(PASSWORD)];
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    response.writeHead(401).end();
    return;
  }
  await provider.interactionFinished(request, response, { login: { accountId: form.get('username') } });
}

const answer = provider.callback();
createServer((request, response) => {
  if (!request.url.startsWith('/sign-in/')) return answer(request, response);
  return signIn(request, response).catch((error) => response.writeHead(500).end(String(error)));
}).listen(Number(PORT), '127.0.0.1');
