import { createTheme } from '@mantine/core';

/** A dialog's head is a `header` element; without this it would count as a second banner of the page. */
const notABanner = { header: { role: 'presentation' } };

/** What Mantine needs to know; colours and type come from tokens.css. */
export const theme = createTheme({
  primaryColor: 'teal',
  cursorType: 'pointer',
  respectReducedMotion: true,
  focusRing: 'auto',
  components: {
    Button: { defaultProps: { size: 'sm', radius: 'sm' } },
    Modal: { defaultProps: { lockScroll: false, attributes: notABanner, overlayProps: { backgroundOpacity: 0.45 } } },
    Drawer: { defaultProps: { lockScroll: false, attributes: notABanner, overlayProps: { backgroundOpacity: 0.3 } } },
    TextInput: { defaultProps: { size: 'sm' } },
    NativeSelect: { defaultProps: { size: 'sm' } },
    Switch: { defaultProps: { size: 'sm' } },
    Checkbox: { defaultProps: { size: 'sm' } },
  },
});
