// Values as people read them.

const regions = new Intl.DisplayNames(["en"], { type: "region" });
const languages = new Intl.DisplayNames(["en"], { type: "language" });

function named(names, code) {
  try {
    return names.of(code);
  } catch {
    return code; // the data's own word, not a code that everyone knows
  }
}

export const country = (code) => (/^[A-Z]{2}$/.test(code) ? named(regions, code) : code);
export const language = (code) => (/^[a-z]{2,3}$/.test(code) ? named(languages, code) : code);
export const capital = (text) => text.charAt(0).toUpperCase() + text.slice(1);
export const price = (dollars) => (dollars == null ? "" : dollars > 0 ? `$${dollars.toFixed(2)}` : "Free");
export const chance = (score) => `${(100 * score).toFixed(score < 0.0995 ? 1 : 0)}%`;
export const counted = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
export const joined = (...parts) => parts.filter(Boolean).join(" · ");
export const stars = (rating) => (rating == null ? "" : `★ ${rating.toFixed(1)}`);
export const titleOf = (app) => app.title ?? app.app_id;

export function profileWords(profile) {
  const { country: where, language: speaks, device, ...others } = profile;
  return [
    where && country(where),
    speaks && language(speaks),
    device && capital(device),
    ...Object.values(others).filter((value) => ["string", "number"].includes(typeof value)),
  ].filter(Boolean).map(String);
}
