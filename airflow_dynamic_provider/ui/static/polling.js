/**
 * Polls the server while the page is visible and something may still change, one request at a time.
 */

import { ApiError } from "./api.js";
import { useEffect, useRef, useState } from "./vendor/preact.js";

/** Milliseconds between a response and the next request. */
export const LIVE = 2000;
/** No next request until the viewer comes back to the page: nothing changes by itself any more. */
export const ON_RETURN = Infinity;
const RETRY = 5000;

/** Statuses after which asking again does not help: the viewer has to act first. */
const FINAL = [401, 403, 404, 409, 422];

/**
 * @template T
 * @typedef {object} Polled
 * @property {T | null} data  The last response; kept during the next request, and if that fails.
 * @property {ApiError | null} error  The error of the last request; null if it succeeded.
 * @property {boolean} isLoading  Whether a response other than the one shown has been requested.
 * @property {() => void} reload  Ask at once.
 */

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {string} subject  What is requested. When it changes, the last response is out of date.
 * @param {(data: T) => number | null} pause  Milliseconds until the next request; `ON_RETURN`; null for never.
 * @returns {Polled<T>}
 */
export function usePolling(load, subject, pause) {
  const [reply, setReply] = useState(/** @type {{data: T | null, error: ApiError | null, subject: string}} */ (EMPTY));
  const latest = useRef({ load, pause });
  const reload = useRef(() => {});
  latest.current = { load, pause };
  useEffect(() => {
    const poll = new Poll(
      (signal) => latest.current.load(signal),
      (data) => {
        setReply({ data, error: null, subject });
        return latest.current.pause(data);
      },
      (error) => setReply((before) => ({ ...before, error, subject })),
    );
    reload.current = () => poll.now();
    return () => poll.end();
  }, [subject]);
  return { data: reply.data, error: reply.error, isLoading: reply.subject !== subject, reload: () => reload.current() };
}

const EMPTY = Object.freeze({ data: null, error: null, subject: "\0" });

/** @template T */
class Poll {
  /**
   * @param {(signal: AbortSignal) => Promise<T>} load
   * @param {(data: T) => number | null} onData
   * @param {(error: ApiError) => void} onError
   */
  constructor(load, onData, onError) {
    this.load = load;
    this.onData = onData;
    this.onError = onError;
    this.abort = new AbortController();
    this.timer = 0;
    this.isAsking = false;
    this.isDue = true;
    this.hasFailed = false;
    this.isOver = false;
    // A viewer who comes back may have logged in again meanwhile.
    this.onVisible = () => (this.isDue || this.hasFailed || this.isOver) && this.now();
    document.addEventListener("visibilitychange", this.onVisible);
    this.now();
  }

  end() {
    this.abort.abort();
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisible);
  }

  /** Send a request now, or as soon as the current one has ended and the page is visible. */
  async now() {
    this.isDue = true;
    if (this.isAsking || document.hidden) {
      return;
    }
    clearTimeout(this.timer);
    this.isAsking = true;
    this.isDue = false;
    const pause = await this.ask();
    this.isAsking = false;
    if (this.abort.signal.aborted) {
      return;
    }
    this.isOver = pause === ON_RETURN;
    if (this.isDue) {
      this.now();
    } else if (pause !== null && !this.isOver) {
      this.timer = setTimeout(() => this.now(), pause);
    }
  }

  /** @returns {Promise<number | null>} */
  async ask() {
    try {
      const data = await this.load(this.abort.signal);
      this.hasFailed = false;
      return this.abort.signal.aborted ? null : this.onData(data);
    } catch (error) {
      if (this.abort.signal.aborted) {
        return null;
      }
      const known = error instanceof ApiError ? error : new ApiError(500, String(error));
      this.hasFailed = true;
      this.onError(known);
      return FINAL.includes(known.status) ? null : RETRY;
    }
  }
}
