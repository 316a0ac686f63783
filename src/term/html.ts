import { printable, redact } from '../redact.js';
import { STYLE } from './page-style.js';

/** A piece of a page that is HTML already. */
export interface Html {
  readonly html: string;
}

/** Longest text of one value. */
const MOST_TEXT = 8000;
const NAMES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** A template whose values are escaped, redacted and freed of control characters; pieces of HTML go in as they are. */
export function html(strings: TemplateStringsArray, ...values: readonly unknown[]): Html {
  return { html: strings.reduce((text, part, index) => text + inserted(values[index - 1]) + part) };
}

/** A whole page that needs nothing else: no script, no font, no image, no address. */
export function page(title: string, body: readonly Html[]): string {
  const policy = "default-src 'none'; style-src 'unsafe-inline'";
  const { html: text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${{ html: policy }}">
<meta name="referrer" content="no-referrer">
<title>${title}</title>
<style>${{ html: STYLE }}</style>
</head>
<body>
${body}
</body>
</html>
`;
  return text;
}

/** A section with a heading; nothing when there is nothing in it. */
export function section(title: string, ...body: readonly (Html | undefined)[]): Html {
  const parts = body.filter((part) => part !== undefined);
  return parts.length === 0 ? NOTHING : html`<section><h2>${title}</h2>${parts}</section>`;
}

/** Names and values, one below the other. Pairs without a value are left out. */
export function facts(pairs: readonly (readonly [string, unknown])[]): Html {
  const rows = pairs
    .filter(([, value]) => value !== undefined && value !== '')
    .map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`);
  return html`<dl class="facts">${rows}</dl>`;
}

/** A dotted key or a path that may break behind its dots and slashes only. */
export function breakable(text: string): Html {
  const parts = text.split(/(?<=[./])/);
  return html`<code>${parts.map((part) => html`${part}<wbr>`)}</code>`;
}

/** An identifier, in letters of one width. */
export function idText(text: string | undefined): Html | undefined {
  return text === undefined ? undefined : html`<span class="id">${text}</span>`;
}

/** A table; a column's class is that of its cells. */
export function table(
  columns: readonly (readonly [title: string, className?: string])[],
  rows: readonly (readonly unknown[])[],
): Html {
  const head = columns.map(([title, name = '']) => html`<th scope="col" class="${name}">${title}</th>`);
  const body = rows.map(
    (cells) =>
      html`<tr>${cells.map((cell, index) => html`<td class="${columns[index]?.[1] ?? ''}">${cell}</td>`)}</tr>\n`,
  );
  return html`<table><thead><tr>${head}</tr></thead><tbody>\n${body}</tbody></table>`;
}

/** A list; nothing when it is empty. */
export function list(items: readonly unknown[], kind: 'ul' | 'ol' = 'ul'): Html {
  if (items.length === 0) return NOTHING;
  const rows = items.map((item) => html`<li>${item}</li>`);
  return kind === 'ol' ? html`<ol>${rows}</ol>` : html`<ul>${rows}</ul>`;
}

/** A word that says how something stands; the tone only adds colour. */
export function badge(tone: 'good' | 'warn' | 'bad' | 'plain', text: string): Html {
  return html`<span class="badge ${tone}">${text}</span>`;
}

const NOTHING: Html = { html: '' };

function inserted(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (Array.isArray(value)) return value.map(inserted).join('');
  if (typeof value === 'object' && 'html' in value && typeof value.html === 'string') return value.html;
  return printable(redact(String(value)), MOST_TEXT).replace(/[&<>"']/g, (sign) => NAMES[sign] ?? '');
}
