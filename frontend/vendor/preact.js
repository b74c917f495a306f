// One module for all that the pages use of Preact, with htm's tagged template bound to it.
import { h } from "preact";
import htm from "htm";

export { Component, Fragment, h, render } from "preact";
export {
  useCallback,
  useEffect,
  useId,
  useLayoutEffect,
  useMemo,
  useReducer,
  useRef,
  useState,
} from "preact/hooks";
export const html = htm.bind(h);
