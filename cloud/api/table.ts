import type { AnyEndpoint } from "./endpoint.ts";
import addBlackUser from "./manager/addBlackUser.ts";
import addDevice from "./manager/addDevice.ts";
import blinkDevice from "./manager/blinkDevice.ts";
import CashOut from "./manager/CashOut.ts";
import deleteBlackUser from "./manager/deleteBlackUser.ts";
import deleteDevice from "./manager/deleteDevice.ts";
import getBlackUser from "./manager/getBlackUser.ts";
import getCashOutList from "./manager/getCashOutList.ts";
import getDeviceList from "./manager/getDeviceList.ts";
import getManagerInfo from "./manager/getManagerInfo.ts";
import getManagerPhone from "./manager/getManagerPhone.ts";
import getOrderAll from "./manager/getOrderAll.ts";
import getOrderCash from "./manager/getOrderCash.ts";
import getOrderCashList from "./manager/getOrderCashList.ts";
import managerLogin from "./manager/managerLogin.ts";
import reportDeviceName from "./manager/reportDeviceName.ts";
import reportManagerName from "./manager/reportManagerName.ts";
import setDeviceValue from "./manager/setDeviceValue.ts";
import transferDevice from "./manager/transferDevice.ts";
import cancelPowerOrder from "./user/cancelPowerOrder.ts";
import getDeviceInfo from "./user/getDeviceInfo.ts";
import getOrderPay from "./user/getOrderPay.ts";
import getPmoneyCharge from "./user/getPmoneyCharge.ts";
import getPmoneyGift from "./user/getPmoneyGift.ts";
import getPowerOrder from "./user/getPowerOrder.ts";
import getProfessionList from "./user/getProfessionList.ts";
import getSystemTime from "./user/getSystemTime.ts";
import getUserInfo from "./user/getUserInfo.ts";
import getUserOrder from "./user/getUserOrder.ts";
import getUserPhone from "./user/getUserPhone.ts";
import newPmoneyCharge from "./user/newPmoneyCharge.ts";
import newPmoneyGift from "./user/newPmoneyGift.ts";
import newPowerOrder from "./user/newPowerOrder.ts";
import payPowerOrder from "./user/payPowerOrder.ts";
import queryOrderPay from "./user/queryOrderPay.ts";
import queryPmoneyPay from "./user/queryPmoneyPay.ts";
import reportDevicePort from "./user/reportDevicePort.ts";
import reportUserName from "./user/reportUserName.ts";
import reportUserProfession from "./user/reportUserProfession.ts";
import stopPowerOrder from "./user/stopPowerOrder.ts";
import userLogin from "./user/userLogin.ts";

/** Every method: routes, checks and the OpenAPI document come from here. */
export const table: readonly AnyEndpoint[] = [
  userLogin,
  getUserPhone,
  getUserInfo,
  reportUserName,
  reportUserProfession,
  getOrderPay,
  getUserOrder,
  getProfessionList,
  getDeviceInfo,
  reportDevicePort,
  getSystemTime,
  newPowerOrder,
  stopPowerOrder,
  cancelPowerOrder,
  getPowerOrder,
  payPowerOrder,
  queryOrderPay,
  newPmoneyCharge,
  queryPmoneyPay,
  getPmoneyCharge,
  newPmoneyGift,
  getPmoneyGift,
  managerLogin,
  getManagerPhone,
  getManagerInfo,
  reportManagerName,
  addDevice,
  reportDeviceName,
  deleteDevice,
  getDeviceList,
  setDeviceValue,
  transferDevice,
  blinkDevice,
  addBlackUser,
  deleteBlackUser,
  getBlackUser,
  getOrderAll,
  getOrderCash,
  getOrderCashList,
  CashOut,
  getCashOutList,
];
