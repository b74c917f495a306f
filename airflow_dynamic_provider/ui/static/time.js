/**
 * Durations and times as text.
 */

/**
 * Return a duration, short enough for a cell: "0.42s", "34s", "12m 05s", "3h 12m", "2d 03h".
 *
 * @param {number | null | undefined} seconds
 * @returns {string}  Empty if there is none.
 */
export function formatDuration(seconds) {
  if (seconds === null || seconds === undefined || !Number.isFinite(seconds) || seconds < 0) {
    return "";
  }
  if (seconds < 9.95) {
    return `${seconds.toFixed(seconds < 0.995 ? 2 : 1)}s`;
  }
  const whole = Math.round(seconds);
  if (whole < 60) {
    return `${whole}s`;
  }
  if (whole < 3600) {
    return `${Math.floor(whole / 60)}m ${padded(whole % 60)}s`;
  }
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) {
    return `${Math.floor(minutes / 60)}h ${padded(minutes % 60)}m`;
  }
  const hours = Math.floor(minutes / 60);
  return `${Math.floor(hours / 24)}d ${padded(hours % 24)}h`;
}

/**
 * Return the seconds since a start.
 *
 * @param {string | null | undefined} start  A time in ISO 8601.
 * @param {number} now  Milliseconds since 1970.
 * @returns {number | null}  Seconds.
 */
export function secondsSince(start, now) {
  const began = start ? Date.parse(start) : NaN;
  return Number.isNaN(began) ? null : Math.max(0, (now - began) / 1000);
}

/**
 * Return a time in a zone: "2026-11-20 13:34:56".
 *
 * @param {string | null | undefined} moment  In ISO 8601.
 * @param {string} zone  A name of the IANA data base.
 * @returns {string}  The input itself if it is not a time; empty if there is none.
 */
export function formatMoment(moment, zone) {
  const date = dateOf(moment);
  if (!date) {
    return moment ?? "";
  }
  const part = parts(date, zone, {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
  return `${part("year")}-${part("month")}-${part("day")} ${part("hour")}:${part("minute")}:${part("second")}`;
}

/**
 * Return the short name of a zone at a time, such as "CET" or "GMT+5:30".
 *
 * @param {string | null | undefined} moment
 * @param {string} zone
 * @returns {string}
 */
export function zoneName(moment, zone) {
  return parts(dateOf(moment) ?? new Date(), zone, { timeZoneName: "short" })("timeZoneName");
}

/**
 * Return a time in UTC, as titles show it.
 *
 * @param {string | null | undefined} moment
 * @returns {string}
 */
export function formatUtc(moment) {
  const date = dateOf(moment);
  return date ? `${date.toISOString().replace("T", " ").replace(/\.?0*Z$/, "")} UTC` : (moment ?? "");
}

/**
 * Return the zone if this browser knows it, else the browser's own.
 *
 * @param {string | null | undefined} wanted
 * @returns {string}
 */
export function knownZone(wanted) {
  const own = new Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (!wanted) {
    return own;
  }
  try {
    return new Intl.DateTimeFormat("en", { timeZone: wanted }).resolvedOptions().timeZone;
  } catch {
    return own;
  }
}

/** @param {number} number */
function padded(number) {
  return String(number).padStart(2, "0");
}

/**
 * @param {string | null | undefined} moment
 * @returns {Date | null}
 */
function dateOf(moment) {
  const date = moment ? new Date(moment) : null;
  return date && !Number.isNaN(date.getTime()) ? date : null;
}

/**
 * @param {Date} date
 * @param {string} zone
 * @param {Intl.DateTimeFormatOptions} options
 * @returns {(type: string) => string}
 */
function parts(date, zone, options) {
  const found = new Intl.DateTimeFormat("en-GB", { ...options, timeZone: knownZone(zone) }).formatToParts(date);
  return (type) => found.find((each) => each.type === type)?.value ?? "";
}
