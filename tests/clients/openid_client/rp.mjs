// A small application on openid-client, as its documentation shows it. The tests lead a browser through it.
//
// Three registrations, each under its own path: /post, /basic (requests pushed ahead) and /key (private_key_jwt,
// ES256, signed userinfo, pushed requests, form_post). The query of /…/login goes into the authorization request.

import http from 'node:http'
import * as oidc from 'openid-client'

const { ISSUER, PORT, CLIENT_SECRET } = process.env
const HOME = `http://localhost:${PORT}`
const keys = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign', 'verify'])
const sessions = new Map()

const REGISTRATIONS = {
  post: { auth: oidc.ClientSecretPost(CLIENT_SECRET) },
  basic: { auth: oidc.ClientSecretBasic(CLIENT_SECRET), pushed: true },
  key: {
    auth: oidc.PrivateKeyJwt({ key: keys.privateKey, kid: 'rp' }),
    metadata: { id_token_signed_response_alg: 'ES256', userinfo_signed_response_alg: 'ES256' },
    more: { response_mode: 'form_post' },
    pushed: true,
  },
}

async function configured(name) {
  const registration = REGISTRATIONS[name]
  registration.config ??= await oidc.discovery(
    new URL(ISSUER), `rp-${name}`, registration.metadata, registration.auth,
    { execute: [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] },
  )
  return registration
}

async function login(registration, session, url) {
  const asked = Object.fromEntries(url.searchParams)
  session.checks = {
    pkceCodeVerifier: oidc.randomPKCECodeVerifier(), expectedState: oidc.randomState(),
    expectedNonce: oidc.randomNonce(), idTokenExpected: true,
    ...('max_age' in asked && { maxAge: Number(asked.max_age) }),
  }
  const parameters = {
    redirect_uri: `${HOME}${url.pathname.replace('login', 'callback')}`,
    scope: 'openid profile email',
    state: session.checks.expectedState,
    nonce: session.checks.expectedNonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(session.checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...registration.more, ...asked,
  }
  const build = registration.pushed ? oidc.buildAuthorizationUrlWithPAR : oidc.buildAuthorizationUrl
  return { redirect: await build(registration.config, parameters) }
}

async function callback(registration, session, url, request) {
  const answer = request.method === 'POST' ? new Request(url, { method: 'POST', body: await body(request),
    headers: { 'content-type': request.headers['content-type'] } }) : url
  session.tokens = await oidc.authorizationCodeGrant(registration.config, answer, session.checks)
  return shown(registration, session)
}

async function shown({ config }, { tokens }) {
  const claims = tokens.claims()
  const userinfo = await oidc.fetchUserInfo(config, tokens.access_token, claims.sub)
  return { claims, userinfo, scope: tokens.scope, expires_in: tokens.expires_in }
}

async function refresh(registration, session) {
  session.used = session.tokens.refresh_token
  const id_token = session.tokens.id_token
  session.tokens = await oidc.refreshTokenGrant(registration.config, session.used)
  return { ...await shown(registration, session), rotated: session.used !== session.tokens.refresh_token,
    renewed: id_token !== session.tokens.id_token }
}

async function logout(registration, session, url) {
  session.state = oidc.randomState()
  return { redirect: oidc.buildEndSessionUrl(registration.config, {
    id_token_hint: session.tokens.id_token, state: session.state,
    post_logout_redirect_uri: `${HOME}${url.pathname.replace('logout', 'goodbye')}`,
  }) }
}

const PAGES = {
  login, callback, refresh, logout,
  reuse: ({ config }, session) => oidc.refreshTokenGrant(config, session.used),
  introspect: ({ config }, session) => oidc.tokenIntrospection(config, session.tokens.access_token),
  revoke: async ({ config }, session) => ({ revoked: await oidc.tokenRevocation(config, session.tokens.access_token) }),
  userinfo: shown,
  goodbye: (_, session, url) => ({ goodbye: url.searchParams.get('state') === session.state }),
  jwks: async () => ({ keys: [{ ...await crypto.subtle.exportKey('jwk', keys.publicKey), kid: 'rp', use: 'sig', alg: 'ES256' }] }),
}

async function body(request) {
  let text = ''
  for await (const part of request) text += part
  return text
}

function sessionOf(request, response) {
  const [, known] = /\brp_session=([\w-]+)/.exec(request.headers.cookie ?? '') ?? []
  const id = known ?? crypto.randomUUID()
  if (!sessions.has(id)) sessions.set(id, {})
  response.setHeader('Set-Cookie', `rp_session=${id}; Path=/; HttpOnly; SameSite=Lax`)
  return sessions.get(id)
}

async function answer(request, response) {
  const url = new URL(request.url, HOME)
  const [, name, page] = url.pathname.split('/')
  if (!(name in REGISTRATIONS) || !(page in PAGES)) return { status: 404, error: 'not_found' }
  const session = sessionOf(request, response)
  try {
    return await PAGES[page](page === 'jwks' ? null : await configured(name), session, url, request)
  } catch (error) {
    return { status: 400, error: error.error ?? error.code, message: error.message, cause: error.cause?.message }
  }
}

http.createServer(async (request, response) => {
  const { redirect, status = redirect ? 302 : 200, ...shown } = await answer(request, response)
  response.writeHead(status, { 'Content-Type': 'application/json', ...(redirect && { Location: redirect.href }) })
  response.end(JSON.stringify(shown))
}).listen(PORT, 'localhost')
