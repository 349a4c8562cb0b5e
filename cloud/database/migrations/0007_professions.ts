import { type Migration, sql } from "kysely";

/** The trades of a building site, with which a new installation begins (spec 2, "Operator"). */
const TRADES = [
  "木工",
  "钢筋工",
  "混凝土工",
  "架子工",
  "砌筑工",
  "抹灰工",
  "油漆工",
  "防水工",
  "水暖工",
  "电工",
  "电焊工",
  "起重工",
  "机械操作工",
  "测量工",
  "安全员",
  "施工员",
  "杂工",
  "其他",
];

/** An installation that has a list of its own keeps it. */
export const professions: Migration = {
  async up(db) {
    const { rows } = await sql<{ n: number }>`select count(*) as n from profession_info`.execute(db);
    if (Number(rows[0]?.n) > 0) return;
    for (const [i, name] of TRADES.entries()) {
      await sql`insert into profession_info ("professionId", "professionName") values (${i + 1}, ${name})`.execute(
        db,
      );
    }
  },
};
