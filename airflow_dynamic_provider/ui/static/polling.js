/**
 * Asking the server again and again, one request at a time, for as long as the page is seen.
 */

import { ApiError } from "./api.js";
import { useEffect, useRef, useState } from "./vendor/preact.js";

/** Milliseconds between an answer and the next request. */
export const LIVE = 2000;
export const CALM = 15000;
const RETRY = 5000;

/** Asking again does not help here; the viewer has to do something first. */
const FINAL = [401, 403, 404, 409, 422];

/**
 * @template T
 * @typedef {object} Polled
 * @property {T | null} data  The last answer; kept while a newer one is awaited, and when one fails.
 * @property {ApiError | null} error  What became of the last request.
 * @property {boolean} isLoading  Another answer than the one shown has been asked for.
 * @property {() => void} reload  Ask at once.
 */

/**
 * @template T
 * @param {(signal: AbortSignal) => Promise<T>} load
 * @param {string} subject  What is asked for: when it changes, the last answer is no longer what is wanted.
 * @param {(data: T) => number | null} pause  Milliseconds until it is asked again; null: never.
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
    // Who comes back may have logged in again meanwhile.
    this.onVisible = () => (this.isDue || this.hasFailed) && this.now();
    document.addEventListener("visibilitychange", this.onVisible);
    this.now();
  }

  end() {
    this.abort.abort();
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisible);
  }

  /** Ask, unless an answer is awaited or nobody looks: then as soon as that has ended. */
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
    if (this.isDue) {
      this.now();
    } else if (pause !== null) {
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
