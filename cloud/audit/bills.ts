import { sql } from "kysely";
import { invariant, type Said, said } from "./invariant.ts";

const differenceIsToldOf = invariant(
  "difference_is_told_of",
  "a difference that is settled says by whom, when and why; one that is gone, since when; an open one none of it",
  () => sql<Said>`
    select 'difference ' || id as subject, state || ', note ' || coalesce(note, 'none') || ', by '
        || coalesce("settledBy", 'none') as detail
    from bill_difference
    where case state
      when 'settled' then coalesce(note, '') <> '' and coalesce("settledBy", '') <> '' and "settleTime" is not null
      when 'gone' then "goneTime" is not null and note is null and "settledBy" is null and "settleTime" is null
      when 'open' then "goneTime" is null and note is null and "settledBy" is null and "settleTime" is null
      end is not true`,
  said,
);

const differenceOfDay = invariant(
  "difference_of_day",
  "a difference is of a day that was compared",
  () => sql<Said>`
    select 'difference ' || d.id as subject, d.day || ' was not compared' as detail
    from bill_difference d left join bill_day b on b.day = d.day where b.day is null`,
  said,
);

const differenceOfSides = invariant(
  "difference_of_sides",
  "a difference names what each side says, and the one that says nothing where one alone has it",
  () => sql<Said>`
    select 'difference ' || id as subject, class || ': "' || ours || '" and "' || theirs || '"' as detail
    from bill_difference
    where case class
      when 'only_ours' then ours <> '' and theirs = ''
      when 'only_theirs' then ours = '' and theirs <> ''
      when 'totals' then kind = 'totals' and ours <> theirs
      when 'amount' then kind <> 'totals' and ours <> theirs
      when 'state' then kind <> 'totals' and ours <> '' and theirs <> '' end is not true`,
  said,
);

/** Of what WeChat Pay's bills and ours do not say alike. */
export const billInvariants = [differenceIsToldOf, differenceOfDay, differenceOfSides];
