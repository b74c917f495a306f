/**
 * A list of which only the visible rows are in the document, so that it may have many thousands.
 */

import { html, useEffect, useLayoutEffect, useRef, useState } from "./vendor/preact.js";

/** The number of rows that are drawn above and below the visible part. */
const BEYOND = 6;

/**
 * @param {{count: number, height: number, label: string, render: (at: number) => unknown, onVisible?: (first: number, last: number) => void}} properties
 *   The height of a row is in pixels. `onVisible` is told the first row that is drawn, and the first that is not any more.
 */
export function VirtualRows({ count, height, label, render, onVisible }) {
  const box = useRef(/** @type {HTMLDivElement | null} */ (null));
  const [view, setView] = useState({ top: 0, room: 600 });
  useLayoutEffect(() => {
    const element = /** @type {HTMLDivElement} */ (box.current);
    const measure = () => setView({ top: element.scrollTop, room: element.clientHeight });
    const observer = new ResizeObserver(measure);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const { first, last } = visiblePart(view.top, view.room, height, count);
  useEffect(() => onVisible?.(first, last), [first, last, onVisible]);
  const onScroll = () => setView((before) => ({ ...before, top: box.current?.scrollTop ?? 0 }));
  return html`<div class="virtual" ref=${box} tabindex="0" role="list" aria-label=${label} onScroll=${onScroll}>
    <div class="virtual-room" role="presentation" style=${{ height: `${count * height}px` }}>
      ${Array.from({ length: last - first }, (_, offset) => {
        const at = first + offset;
        return html`<div key=${at} class="virtual-row" role="listitem" aria-setsize=${count} aria-posinset=${at + 1} style=${{ top: `${at * height}px`, height: `${height}px` }}>${render(at)}</div>`;
      })}
    </div>
  </div>`;
}

/**
 * Return the first row to draw, and the first after them.
 *
 * @param {number} top  The number of pixels above the visible part.
 * @param {number} room  The height of the visible part.
 * @param {number} height
 * @param {number} count
 */
export function visiblePart(top, room, height, count) {
  const first = Math.max(0, Math.min(Math.floor(top / height) - BEYOND, count));
  return { first, last: Math.max(first, Math.min(count, Math.ceil((top + room) / height) + BEYOND)) };
}
