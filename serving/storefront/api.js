// Calls to the server, and what went wrong with them in words.

export class Problem extends Error {
  constructor(message, status) {
    super(message);
    this.status = status; // 0: the server can't be reached
  }
}

// The answer's JSON, how long we waited, and the server's share of it, in milliseconds.
export async function call(path, body) {
  const began = performance.now();
  let answer;
  try {
    answer = await fetch(path, body === undefined ? {} : {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Problem("The server can’t be reached. Is it running?", 0);
  }
  const json = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Problem(json.detail ?? `The server answered ${answer.status}.`, answer.status);
  const share = /dur=([\d.]+)/.exec(answer.headers.get("Server-Timing") ?? "");
  return { json, waited: performance.now() - began, server: share ? Number(share[1]) : null };
}

export const get = async (path) => (await call(path)).json;

const facts = new Map();
let factsOf = "";

// What the catalogue of a bundle says of apps; each is asked for once.
export async function appFacts(bundle, ids) {
  if (bundle !== factsOf) facts.clear();
  factsOf = bundle;
  const unknown = ids.filter((id) => !facts.has(id));
  for (let first = 0; first < unknown.length; first += 100) {
    const some = unknown.slice(first, first + 100);
    const query = new URLSearchParams(some.map((id) => ["id", id]));
    for (const app of (await get(`/v1/apps?${query}`)).apps) facts.set(app.app_id, app);
  }
  return ids.map((id) => facts.get(id));
}

// Tells what a user did with apps of a page; of impressions, the whole page in its order.
export function report(userId, kind, appIds, requestId = null) {
  const events = appIds.map((app_id, place) => ({
    event_id: randomId(),
    user_id: userId,
    app_id,
    kind,
    request_id: requestId,
    position: kind === "impression" ? place + 1 : null,
  }));
  return call("/v1/events", { events });
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
