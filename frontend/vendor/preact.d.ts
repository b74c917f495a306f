import type { VNode } from "preact";

export { Component, Fragment, h, render } from "preact";
export type { ComponentChildren, VNode } from "preact";
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
export const html: (strings: TemplateStringsArray, ...values: unknown[]) => VNode;
