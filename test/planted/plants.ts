import { billPlants } from "./billPlants.ts";
import { callerPlants } from "./callerPlants.ts";
import { chargerPlants } from "./chargerPlants.ts";
import { gatewayPlants } from "./gatewayPlants.ts";
import { moneyPlants } from "./moneyPlants.ts";
import { operatorPlants } from "./operatorPlants.ts";
import { orderPlants } from "./orderPlants.ts";
import { personPlants } from "./personPlants.ts";
import type { Plant } from "./plant.ts";
import { theTen } from "./theTen.ts";

export const plants: readonly Plant[] = [
  ...theTen,
  ...moneyPlants,
  ...billPlants,
  ...operatorPlants,
  ...callerPlants,
  ...orderPlants,
  ...gatewayPlants,
  ...chargerPlants,
  ...personPlants,
];
