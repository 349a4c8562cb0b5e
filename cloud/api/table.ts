import type { AnyEndpoint } from "./endpoint.ts";
import getManagerInfo from "./manager/getManagerInfo.ts";
import getManagerPhone from "./manager/getManagerPhone.ts";
import managerLogin from "./manager/managerLogin.ts";
import reportManagerName from "./manager/reportManagerName.ts";
import cancelPowerOrder from "./user/cancelPowerOrder.ts";
import getDeviceInfo from "./user/getDeviceInfo.ts";
import getOrderPay from "./user/getOrderPay.ts";
import getPowerOrder from "./user/getPowerOrder.ts";
import getSystemTime from "./user/getSystemTime.ts";
import getUserInfo from "./user/getUserInfo.ts";
import getUserPhone from "./user/getUserPhone.ts";
import newPowerOrder from "./user/newPowerOrder.ts";
import payPowerOrder from "./user/payPowerOrder.ts";
import queryOrderPay from "./user/queryOrderPay.ts";
import reportDevicePort from "./user/reportDevicePort.ts";
import reportUserName from "./user/reportUserName.ts";
import stopPowerOrder from "./user/stopPowerOrder.ts";
import userLogin from "./user/userLogin.ts";

/** Every method: routes, checks and the OpenAPI document come from here. */
export const table: readonly AnyEndpoint[] = [
  userLogin,
  getUserPhone,
  getUserInfo,
  reportUserName,
  getOrderPay,
  getDeviceInfo,
  reportDevicePort,
  getSystemTime,
  newPowerOrder,
  stopPowerOrder,
  cancelPowerOrder,
  getPowerOrder,
  payPowerOrder,
  queryOrderPay,
  managerLogin,
  getManagerPhone,
  getManagerInfo,
  reportManagerName,
];
