import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { chromium } from '@playwright/test';
import type { Page } from '@playwright/test';
import { icoFile } from './ico.ts';

/**
 * Draws every icon from its SVG: `node build/icons/render.ts`. The drawings are committed, so only who changes an SVG runs it.
 * CHROMIUM_PATH names the browser to draw with; default: Debian's.
 *
 *     icon.png, icon.ico            the app; sizes/<n>x<n>.png for Linux menus; icon-mac.png with the room macOS leaves around
 *     tray/<state>Template.png      macOS, which uses only the shape
 *     tray/<state>-{light,dark}.*   light strokes for dark bars and the reverse; PNG for Linux, ICO for Windows
 *
 * `@2x` files are found by Electron on displays of double density.
 */
const here = import.meta.dirname;
const appSizes = [16, 24, 32, 48, 64, 128, 256, 512];
const windowsSizes = [16, 20, 24, 32, 40, 48, 64, 128, 256];
const windowsTraySizes = [16, 20, 24, 32, 40, 48];
const templateSize = 16;
const linuxTraySize = 24;
const strokes = { light: '#ffffff', dark: '#1b2129' } as const;
/** Apple's grid: 824 of 1024 units. */
const macShare = 824 / 1024;

interface Drawing {
  readonly svg: string;
  readonly size: number;
  readonly color?: string;
  /** Share of the width the drawing fills; the rest is left empty around it. */
  readonly share?: number;
}

async function draw(page: Page, { svg, size, color = '#000000', share = 1 }: Drawing): Promise<Buffer> {
  await page.setViewportSize({ width: size, height: size });
  const inner = Math.round(size * share);
  await page.setContent(
    `<style>html,body{margin:0;height:100%}body{display:grid;place-content:center;color:${color}}svg{display:block}</style>` +
      svg.replace('<svg ', `<svg width="${String(inner)}" height="${String(inner)}" `),
  );
  return page.screenshot({ omitBackground: true, type: 'png' });
}

async function drawAll(page: Page, svg: string, sizes: readonly number[], color?: string): Promise<Buffer[]> {
  const images: Buffer[] = [];
  for (const size of sizes) images.push(await draw(page, { svg, size, ...(color === undefined ? {} : { color }) }));
  return images;
}

async function drawApp(page: Page): Promise<void> {
  const svg = readFileSync(join(here, 'icon.svg'), 'utf8');
  mkdirSync(join(here, 'sizes'), { recursive: true });
  const images = await drawAll(page, svg, appSizes);
  images.forEach((image, index) => {
    const size = String(appSizes[index]);
    writeFileSync(join(here, 'sizes', `${size}x${size}.png`), image);
  });
  writeFileSync(join(here, 'icon.png'), await draw(page, { svg, size: 512 }));
  writeFileSync(join(here, 'icon-mac.png'), await draw(page, { svg, size: 1024, share: macShare }));
  writeFileSync(join(here, 'icon.ico'), icoFile(await drawAll(page, svg, windowsSizes)));
}

async function drawTray(page: Page, file: string): Promise<void> {
  const svg = readFileSync(file, 'utf8');
  const state = join(here, 'tray', basename(file, '.svg'));
  writeFileSync(`${state}Template.png`, await draw(page, { svg, size: templateSize }));
  writeFileSync(`${state}Template@2x.png`, await draw(page, { svg, size: templateSize * 2 }));
  for (const [name, color] of Object.entries(strokes)) {
    writeFileSync(`${state}-${name}.png`, await draw(page, { svg, size: linuxTraySize, color, share: 22 / 24 }));
    writeFileSync(`${state}-${name}@2x.png`, await draw(page, { svg, size: linuxTraySize * 2, color, share: 22 / 24 }));
    writeFileSync(`${state}-${name}.ico`, icoFile(await drawAll(page, svg, windowsTraySizes, color)));
  }
}

function removeDrawings(): void {
  const drawn = /\.(?:png|ico)$/;
  for (const directory of ['.', 'sizes', 'tray']) {
    const names = readdirSync(join(here, directory)).filter((name) => drawn.test(name));
    for (const name of names) rmSync(join(here, directory, name));
  }
}

const debianChromium = '/usr/bin/chromium';
const executablePath = process.env['CHROMIUM_PATH'] ?? debianChromium;
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] });
try {
  const page = await browser.newPage({ deviceScaleFactor: 1 });
  removeDrawings();
  await drawApp(page);
  const drawings = readdirSync(join(here, 'tray')).filter((name) => name.endsWith('.svg'));
  for (const name of drawings) await drawTray(page, join(here, 'tray', name));
} finally {
  await browser.close();
}
