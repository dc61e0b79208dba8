/** What the issue asks of a figure; in its unit. */
export type Asked = { readonly most: number } | { readonly least: number };

/** Notes one value of a repeat. */
export type Note = (figure: string, unit: string, value: number, asked?: Asked) => void;

/** Measures one thing once, at the sizes that it was made for, and says on the way what it does. */
export type Part = (note: Note, say: (line: string) => void) => Promise<void>;
