/** Answers of WeChat Pay are read member by member; what is missing or of another kind reads as nothing. */
export type Json = Record<string, unknown>;

export function jsonObject(body: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
  } catch {
    return undefined;
  }
}

export const textOf = (of: Json, name: string): string => (typeof of[name] === "string" ? of[name] : "");

export function objectOf(of: Json, name: string): Json | undefined {
  const value = of[name];
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : undefined;
}

export function numberOf(of: Json | undefined, name: string): number | undefined {
  const value = of?.[name];
  return Number.isSafeInteger(value) ? (value as number) : undefined;
}
