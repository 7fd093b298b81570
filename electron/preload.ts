import { contextBridge, ipcRenderer } from 'electron';
import { desktopChannels } from './desktop-api.ts';
import type { DesktopApi } from './desktop-api.ts';

// Runs in the sandbox before the window's own scripts. Only these functions cross over, never ipcRenderer itself.
const desktop: DesktopApi = {
  platform: process.platform,
  copyText: (text) => ipcRenderer.invoke(desktopChannels.copyText, text),
  setTheme: (theme) => ipcRenderer.invoke(desktopChannels.setTheme, theme),
  showDataDirectory: () => ipcRenderer.invoke(desktopChannels.showDataDirectory),
  getStartAtLogin: () => ipcRenderer.invoke(desktopChannels.getStartAtLogin),
  setStartAtLogin: (isOn) => ipcRenderer.invoke(desktopChannels.setStartAtLogin, isOn),
};

contextBridge.exposeInMainWorld('desktop', desktop);
