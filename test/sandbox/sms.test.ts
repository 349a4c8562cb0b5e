import { afterAll, beforeAll, expect, test } from "vitest";
import { freeSandbox, get, post, sendSms, smsTo } from "./fixture.ts";
import type { Sandbox } from "./sandbox.ts";

let sandbox: Sandbox;
beforeAll(async () => {
  sandbox = await freeSandbox();
});
afterAll(() => sandbox.close());

const box = async (to: string) =>
  ((await get(`${sandbox.controlUrl}/messages`)).messages as { to: string }[]).filter(
    (message) => message.to === to,
  );

test("a code that was sent is in the box with the whole number when the call has answered", async () => {
  const answer = await sendSms(sandbox, smsTo(sandbox.credentials, "13800000001", "123456"));
  expect(answer).toMatchObject({ status: 200, body: { Code: "OK", BizId: expect.any(String) } });
  expect(await box("13800000001")).toMatchObject([
    { kind: "sms", to: "13800000001", params: { code: "123456" }, at: expect.any(Number) },
  ]);
});

test.each([
  { name: "a wrong secret", wrong: { secret: "wrong" }, status: 400, code: "SignatureDoesNotMatch" },
  { name: "an unknown key", wrong: { keyId: "LTAI0" }, status: 404, code: "InvalidAccessKeyId.NotFound" },
  { name: "another action", wrong: { action: "SendBatchSms" }, status: 404, code: "InvalidAction.NotFound" },
  {
    name: "an old date",
    wrong: { date: "2023-10-26T10:22:32Z" },
    status: 400,
    code: "InvalidTimeStamp.Expired",
  },
])("$name is refused and nothing is sent", async ({ wrong, status, code }) => {
  const answer = await sendSms(sandbox, smsTo(sandbox.credentials, "13800000002", "123456"), wrong);
  expect(answer).toMatchObject({ status, body: { Code: code } });
  expect(await box("13800000002")).toHaveLength(0);
});

test.each([
  { name: "a number that is none", more: { PhoneNumbers: "12" }, code: "isv.MOBILE_NUMBER_ILLEGAL" },
  { name: "a sign name of nobody", more: { SignName: "某某" }, code: "isv.SMS_SIGNATURE_ILLEGAL" },
  { name: "a template of nobody", more: { TemplateCode: "SMS_0" }, code: "isv.SMS_TEMPLATE_ILLEGAL" },
  { name: "no JSON", more: { TemplateParam: "code" }, code: "isv.INVALID_JSON_PARAM" },
  { name: "no code", more: { TemplateParam: "{}" }, code: "isv.TEMPLATE_MISSING_PARAMETERS" },
])("$name is HTTP 200 with a refusal, and nothing is sent", async ({ more, code }) => {
  const answer = await sendSms(sandbox, { ...smsTo(sandbox.credentials, "13800000003", "123456"), ...more });
  expect(answer).toMatchObject({ status: 200, body: { Code: code } });
  expect(await box("13800000003")).toHaveLength(0);
});

test("500 and 429 send nothing, timeout-after-commit sends", async () => {
  const send = () => sendSms(sandbox, smsTo(sandbox.credentials, "13800000004", "123456"));
  const fault = (kind: string) => post(`${sandbox.controlUrl}/fault`, { on: "sms", kind, times: 1 });
  await fault("500");
  expect(await send()).toMatchObject({ status: 500, body: { Code: "InternalError" } });
  await fault("429");
  expect(await send()).toMatchObject({ status: 429, body: { Code: "Throttling.User" } });
  expect(await box("13800000004")).toHaveLength(0);
  await fault("timeout-after-commit");
  let answered = false;
  const stalled = send().then(
    () => {
      answered = true;
    },
    () => undefined,
  );
  await expect.poll(() => box("13800000004")).toHaveLength(1);
  expect(answered).toBe(false);
  await sandbox.close();
  await stalled;
  sandbox = await freeSandbox();
});
